//! Arguments and variables as clap reads them, and what is wrong with them in plain words.
//!
//! Owns that no program tells people of digits in strings and of ranges as programs write them, and that all variables
//! and flags whose values are wrong are told at once.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::exit;

use clap::Parser;
use clap::builder::ValueParser;
use clap::error::ContextKind;

use super::Effective;

/// What clap and the standard library say of a text that is no number.
const NO_NUMBER: [&str; 4] = [
    "invalid digit found in string",
    "cannot parse integer from empty string",
    "number too large to fit in target type",
    "number too small to fit in target type",
];
const RANGE: &str = " is not in ";

/// The only argument of a service that is to say what is wrong with its variables, a line each, and to do nothing else.
pub const CHECK: &str = "--check";
/// Variables whose values may hold a password.
const SECRET: [&str; 1] = ["TESSERA_REDIS_URL"];

/// The arguments of this process; where they are wrong, or help is wanted, says so and ends it.
pub fn parse_or_exit<T: Parser>() -> T {
    read_or_exit(std::env::args_os().collect()).0
}

/// As [`parse_or_exit`] for a service, with all settings by name; asked by [`CHECK`] it tells of its variables and ends.
pub fn settings_or_exit<T: Parser>() -> (T, Effective) {
    let args: Vec<OsString> = std::env::args_os().collect();
    if args.iter().skip(1).eq([CHECK]) {
        let wrong = wrong_values(&T::command());
        wrong.iter().for_each(|(_, text)| println!("{text}"));
        exit(if wrong.is_empty() { 0 } else { 2 });
    }
    read_or_exit(args)
}

fn read_or_exit<T: Parser>(args: Vec<OsString>) -> (T, Effective) {
    let parsed = T::command().try_get_matches_from(&args).and_then(|mut matches| {
        let settings = Effective::of(&T::command(), &matches);
        T::from_arg_matches_mut(&mut matches).map(|config| (config, settings))
    });
    parsed.unwrap_or_else(|error| refuse(&T::command(), args, &error))
}

/// Says all that is wrong, and ends this process.
fn refuse(command: &clap::Command, args: Vec<OsString>, error: &clap::Error) -> ! {
    if !error.use_stderr() {
        error.exit();
    }
    let wrong = wrong_values(command);
    let problems = problems(command, args, wrong.clone());
    if !wrong.is_empty() || problems.len() > 1 {
        problems.iter().for_each(|text| eprintln!("error: {text}"));
        exit(error.exit_code());
    }
    let text = error.render();
    let text = if std::io::stderr().is_terminal() { text.ansi().to_string() } else { text.to_string() };
    eprint!("{}", in_words(&text));
    exit(error.exit_code());
}

/// What is wrong with arguments, all of it, beside the variables that are `wrong` by themselves.
fn problems(command: &clap::Command, mut args: Vec<OsString>, wrong: Vec<(String, String)>) -> Vec<String> {
    let without = |command: clap::Command, (id, _): &(String, String)| command.mut_arg(id, |arg| arg.env(None::<&str>));
    let mut command = wrong.iter().fold(command.clone(), without);
    let mut of_args = Vec::new();
    while let Err(error) = command.clone().try_get_matches_from(&args) {
        let about = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
        let flag = about.split([' ', '[', '=']).next().unwrap_or_default().to_owned();
        let is_it = |arg: &&clap::Arg| arg.get_long().is_some_and(|long| flag == format!("--{long}"));
        let known = command.get_arguments().find(is_it).cloned();
        let text = match (&known, error.get(ContextKind::InvalidValue)) {
            (Some(arg), Some(value)) => format!("{flag} is {:?}: {}", value.to_string(), expected(arg, &error)),
            _ => in_words(error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ")),
        };
        // What comes again is not mended by taking any value for it; and what a command says after its first complaint may
        // only follow from that.
        if of_args.contains(&text) {
            break;
        }
        of_args.push(text);
        if command.has_subcommands() {
            break;
        }
        match known {
            Some(arg) => command = command.mut_arg(arg.get_id(), |arg| arg.value_parser(ValueParser::os_string())),
            None if !take_out(&mut args, &flag) => break,
            None => {}
        }
    }
    wrong.into_iter().map(|(_, text)| text).chain(of_args).collect()
}

/// Takes an argument that is not known out of those given, and its value; says whether it was there.
fn take_out(args: &mut Vec<OsString>, flag: &str) -> bool {
    let text = |arg: &OsString| arg.to_string_lossy().into_owned();
    let is_it = |arg: &OsString| text(arg) == flag || text(arg).starts_with(&format!("{flag}="));
    let Some(at) = args.iter().skip(1).position(is_it).map(|at| at + 1) else { return false };
    let taken = args.remove(at);
    if text(&taken) == flag && args.get(at).is_some_and(|next| !text(next).starts_with('-')) {
        args.remove(at);
    }
    true
}

/// The arguments whose variables have values that are wrong by themselves: each by its id, with what is wrong.
pub fn wrong_values(command: &clap::Command) -> Vec<(String, String)> {
    let wrong = |arg: &clap::Arg| {
        let variable = arg.get_env()?.to_string_lossy().into_owned();
        let alone = clap::Command::new("setting").disable_help_flag(true).arg(arg.clone().required(false));
        let error = alone.try_get_matches_from(["setting"]).err()?;
        let is_secret = SECRET.contains(&variable.as_str());
        let value = if is_secret { "…".to_owned() } else { std::env::var(&variable).unwrap_or_default() };
        Some((arg.get_id().to_string(), format!("{variable} is {value:?}: {}", expected(arg, &error))))
    };
    command.get_arguments().filter_map(wrong).collect()
}

/// What a setting must be: the words it may have, or what its type says of the value.
fn expected(arg: &clap::Arg, error: &clap::Error) -> String {
    let words: Vec<String> = arg.get_possible_values().iter().map(|word| word.get_name().to_owned()).collect();
    if !words.is_empty() {
        return format!("it is one of {}", words.join(", "));
    }
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    in_words(first.rsplit_once(": ").map_or(first, |(_, why)| why))
}

/// A text about wrong arguments, in words for people.
pub fn in_words(text: &str) -> String {
    let text = NO_NUMBER.iter().fold(text.to_owned(), |text, phrase| text.replace(phrase, "it must be a whole number"));
    range_in_words(&text).unwrap_or(text)
}

/// `0 is not in 1..=9` as "it must be from 1 to 9".
fn range_in_words(text: &str) -> Option<String> {
    let (before, rest) = text.split_once(RANGE)?;
    let (range, after) = rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len()));
    let (least, most) = range.split_once("..")?;
    // The largest number of a type is no bound that anybody set.
    let bounds = match most.trim_start_matches('=') {
        "" | "18446744073709551615" | "9223372036854775807" => format!("{least} or more"),
        most => format!("from {least} to {most}"),
    };
    let number = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    Some(format!("{}it must be {bounds}{after}", &before[..number]))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[derive(Debug, Parser)]
    struct Arguments {
        #[arg(long, value_parser = clap::value_parser!(i32).range(1..=9))]
        few: Option<i32>,
        #[arg(long, value_parser = clap::value_parser!(u64).range(5..))]
        many: Option<u64>,
        #[arg(long)]
        plain: Option<u16>,
    }

    #[test]
    fn what_is_wrong_with_a_number_is_told_in_words() {
        for (given, expected) in [
            ("--few=0", "'--few <FEW>': it must be from 1 to 9\n"),
            ("--many=4", "'--many <MANY>': it must be 5 or more\n"),
            ("--few=x", "'--few <FEW>': it must be a whole number\n"),
            ("--plain=70000", "'--plain <PLAIN>': it must be from 0 to 65535\n"),
            ("--plain=1.5", "'--plain <PLAIN>': it must be a whole number\n"),
        ] {
            let text = in_words(&Arguments::try_parse_from(["x", given]).unwrap_err().to_string());
            assert!(text.contains(expected), "{text}");
        }
        assert_eq!(in_words("a file that is not in the folder"), "a file that is not in the folder");
    }

    #[test]
    fn wrong_variables_and_all_wrong_flags_are_told_at_once() {
        let given = ["x", "--few=0", "--bogus", "1", "--many", "4", "--plain=no", "--other=2"];
        let variable = ("plain".to_owned(), "PLAIN is \"x\": it must be a whole number".to_owned());
        let told = problems(&Arguments::command(), given.map(OsString::from).to_vec(), vec![variable.clone()]);
        let expected = [
            variable.1.as_str(),
            "--few is \"0\": it must be from 1 to 9",
            "unexpected argument '--bogus' found",
            "--many is \"4\": it must be 5 or more",
            "--plain is \"no\": it must be a whole number",
            "unexpected argument '--other' found",
        ];
        assert_eq!(told.len(), expected.len(), "{told:#?}");
        assert!(expected.iter().all(|text| told.iter().any(|told| told == text)), "{told:#?}");
        let twice = ["x", "--few=1", "--few=2"].map(OsString::from).to_vec();
        assert_eq!(problems(&Arguments::command(), twice, Vec::new()).len(), 1);
    }
}
