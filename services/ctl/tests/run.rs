//! The executable's `run`: what it writes, what it leaves, what it says, and its exit codes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use tessera::picture::png::PngWriter;
use tessera::picture::rows::RowWriter;
use tessera::picture::{Depth, Layout, PictureInfo, PixelFormat, Size};

fn tessera(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tessera")).current_dir(folder).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with `in.png`, gray, 40 x 30.
fn folder_with_picture() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let format = PixelFormat { layout: Layout::Gray, depth: Depth::Eight };
    let info = PictureInfo { size: Size { width: 40, height: 30 }, format };
    let mut writer = PngWriter::new(std::fs::File::create(folder.path().join("in.png")).unwrap(), info).unwrap();
    for y in 0..30u8 {
        let row: Vec<u8> = (0..40).map(|x| x * 5 + y).collect();
        writer.write_row(&row).unwrap();
    }
    Box::new(writer).finish().unwrap();
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn inverting_twice_gives_the_picture_back() {
    let folder = folder_with_picture();
    let path = folder.path();
    assert!(tessera(path, &["run", "in.png", "once.png", "--op", "invert"]).status.success());
    assert!(tessera(path, &["run", "once.png", "twice.png", "--op", "invert"]).status.success());
    let read = |name: &str| std::fs::read(path.join(name)).unwrap();
    assert_eq!(read("in.png"), read("twice.png"));
    assert_ne!(read("in.png"), read("once.png"));
    assert_eq!(names(path), ["in.png", "once.png", "twice.png"]);
}

#[test]
fn a_picture_is_replaced_only_on_request_by_whatever_name() {
    let folder = folder_with_picture();
    let path = folder.path();
    let read = |name: &str| std::fs::read(path.join(name)).unwrap();
    let before = read("in.png");
    std::fs::hard_link(path.join("in.png"), path.join("hard.png")).unwrap();
    std::os::unix::fs::symlink("in.png", path.join("soft.png")).unwrap();
    for out in ["in.png", "./in.png", "hard.png", "soft.png"] {
        let output = tessera(path, &["run", "in.png", out, "--op", "invert"]);
        assert_eq!(output.status.code(), Some(2), "{out}");
        assert!(said(&output).contains("--in-place"), "{}", said(&output));
        assert_eq!(read("in.png"), before, "{out}");
    }
    assert_eq!(tessera(path, &["run", "in.png", "new.png", "--in-place", "--op", "invert"]).status.code(), Some(2));
    assert!(tessera(path, &["run", "in.png", "once.png", "--op", "invert"]).status.success());
    assert!(tessera(path, &["run", "in.png", "soft.png", "--in-place", "--op", "invert"]).status.success());
    assert!(std::fs::symlink_metadata(path.join("soft.png")).unwrap().is_symlink());
    assert_eq!(read("in.png"), read("once.png"));
    assert_eq!(read("hard.png"), before, "the other name keeps the old picture");
}

/// Runs a line of the shell, to which the command is `$0` and the step `$1`.
fn shell(folder: &Path, line: &str, step: &str) {
    let mut shell = Command::new("sh");
    shell.current_dir(folder).args(["-c", line, env!("CARGO_BIN_EXE_tessera"), step]);
    assert!(shell.status().unwrap().success(), "{line}");
}

#[test]
fn pipes_and_devices_are_read_and_written_into() {
    let folder = folder_with_picture();
    let path = folder.path();
    // contrast reads its picture twice, which a pipe alone could not give.
    for step in ["invert", "contrast"] {
        assert!(tessera(path, &["run", "in.png", "plain.png", "--op", step]).status.success());
        shell(path, "cat in.png | \"$0\" run - - --op \"$1\" | cat >piped.png", step);
        shell(path, "\"$0\" run - /dev/stdout --op \"$1\" <in.png >redirected.png", step);
        let read = |name: &str| std::fs::read(path.join(name)).unwrap();
        assert_eq!(read("piped.png"), read("plain.png"), "{step}");
        assert_eq!(read("redirected.png"), read("plain.png"), "{step}");
    }
    assert!(tessera(path, &["run", "in.png", "/dev/null", "--op", "invert"]).status.success());
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    shell(
        path,
        "mkfifo pipe.png && { cat pipe.png >from.png & } && \"$0\" run in.png pipe.png --op \"$1\" && wait",
        "contrast",
    );
    assert_eq!(std::fs::read(path.join("from.png")).unwrap(), std::fs::read(path.join("plain.png")).unwrap());
    assert_eq!(names(path), ["from.png", "in.png", "pipe.png", "piped.png", "plain.png", "redirected.png"]);
}

#[test]
fn a_name_of_another_format_is_refused_before_any_work() {
    let folder = folder_with_picture();
    for arguments in [
        &["in.png", "out.bmp"][..],
        &["in.png", "out.bmp", "--format", "png"],
        &["in.png", "out.GIF"],
        &["in.png", "out.jpg", "--format", "png"],
        &["in.png", "out.jpg", "--format", "same"],
        &["in.png", "out.unknown"],
        &["in.png", "new-folder/"],
        &["missing.png", "out.bmp"],
    ] {
        let output = tessera(folder.path(), &[&["run"], arguments, &["--op", "invert"]].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert_eq!(names(folder.path()), ["in.png"], "{arguments:?}");
    }
    let named = ["run", "in.png", "out.part", "--format", "jpeg", "--op", "invert"];
    assert!(tessera(folder.path(), &named).status.success());
    assert!(std::fs::read(folder.path().join("out.part")).unwrap().starts_with(&[0xff, 0xd8]));
}

#[test]
fn wrong_use_ends_with_2_and_the_grammar_s_text() {
    let folder = folder_with_picture();
    for (step, text) in [
        ("blurr", "unknown operation \"blurr\""),
        ("gaussian_blur:size=3", "gaussian_blur: unknown parameter \"size\""),
        ("gaussian_blur:ksize=4", "gaussian_blur: ksize must be an odd integer from 1 to 255, got \"4\""),
    ] {
        let output = tessera(folder.path(), &["run", "in.png", "out.png", "--op", step]);
        assert_eq!(output.status.code(), Some(2), "{step}");
        assert!(said(&output).contains(text), "{}", said(&output));
    }
    assert_eq!(tessera(folder.path(), &["run", "in.png", "out.png"]).status.code(), Some(2));
    assert_eq!(names(folder.path()), ["in.png"]);
}

#[test]
fn chroma_and_quality_are_for_jpeg_alone() {
    let folder = folder_with_picture();
    let chroma = |out: &str| tessera(folder.path(), &["run", "in.png", out, "--op", "sepia", "--chroma", "444"]);
    let output = chroma("out.png");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("chroma is a setting of JPEG and the result is PNG"), "{}", said(&output));
    assert_eq!(names(folder.path()), ["in.png"]);
    let output = tessera(folder.path(), &["run", "in.png", "out.png", "--op", "sepia", "--quality", "80"]);
    assert!(
        output.status.code() == Some(2) && said(&output).contains("quality is a setting of JPEG"),
        "{}",
        said(&output)
    );
    assert!(chroma("full.jpg").status.success());
    assert!(tessera(folder.path(), &["run", "in.png", "half.jpg", "--op", "sepia"]).status.success());
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_ne!(read("full.jpg"), read("half.jpg"));
    let output = tessera(folder.path(), &["run", "in.png", "out.jpg", "--op", "sepia", "--chroma", "422"]);
    assert!(output.status.code() == Some(2) && said(&output).contains("420, 444"), "{}", said(&output));
}

#[test]
fn a_damaged_picture_ends_with_1_names_the_row_and_leaves_nothing() {
    let folder = folder_with_picture();
    let whole = std::fs::read(folder.path().join("in.png")).unwrap();
    for keep in [0, 20, whole.len() / 2, whole.len() - 14, whole.len() - 1] {
        std::fs::write(folder.path().join("cut.png"), &whole[..keep]).unwrap();
        let output = tessera(folder.path(), &["run", "cut.png", "out.png", "--op", "invert"]);
        assert_eq!(output.status.code(), Some(1), "cut at {keep}: {}", said(&output));
        let text = if keep == 0 { "cut.png: the file is empty" } else { "cut.png: reading" };
        assert!(said(&output).contains(text), "{}", said(&output));
        assert_eq!(names(folder.path()), ["cut.png", "in.png"], "cut at {keep}");
    }
    std::fs::write(folder.path().join("cut.png"), &whole[..whole.len() - 14]).unwrap();
    let output = tessera(folder.path(), &["run", "cut.png", "out.png", "--op", "invert"]);
    assert!(said(&output).contains("of 30"), "{}", said(&output));
}

#[test]
fn files_that_cannot_be_read_or_written_are_named() {
    let folder = folder_with_picture();
    let output = tessera(folder.path(), &["run", "no.png", "out.png", "--op", "invert"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("no.png"), "{}", said(&output));
    let output = tessera(folder.path(), &["run", "in.png", "no/such/folder/out.png", "--op", "invert"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("no/such/folder"), "{}", said(&output));
}

/// The most memory that `tessera` took, in KiB. Asked of the process while it runs: what `wait4` tells of a child begins with
/// the memory of this test's process.
fn peak_kib(folder: &Path, arguments: &[&str]) -> i64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tessera")).current_dir(folder).args(arguments).spawn().unwrap();
    let mut peak = 0;
    let status = loop {
        let text = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|rest| rest.split_whitespace().next()).and_then(|kib| kib.parse().ok());
        peak = kib.unwrap_or(0).max(peak);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    };
    assert!(status.success(), "{arguments:?}");
    assert!(peak > 1024, "{arguments:?}: {peak} KiB");
    peak
}

#[test]
fn memory_does_not_follow_the_height_of_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    for end in ["png", "jpg"] {
        let peaks = |height: u32| {
            let (input, output) = (format!("{height}.{end}"), format!("out-{height}.{end}"));
            let make = ["bench", "picture", &format!("6000x{height}"), &input, "--scene", "gradient"];
            let made = peak_kib(folder.path(), &make);
            let run = ["run", &input, &output, "--op", "gaussian_blur:ksize=51"];
            let one = peak_kib(folder.path(), &[&run[..], &["--threads", "1"]].concat());
            (made.max(one), peak_kib(folder.path(), &run))
        };
        let (short, tall) = (peaks(1000), peaks(16_000));
        assert!(tall.0 <= short.0 + 2048, "{end}, one thread: {} and {} KiB", short.0, tall.0);
        // How many bands are under way at once is a matter of chance, up to a bound that a tall picture is likelier to reach.
        assert!(tall.1 < short.1 * 2 && tall.1 < 64 << 10, "{end}, all cores: {} and {} KiB", short.1, tall.1);
    }
}

#[test]
fn a_system_that_is_not_there_ends_with_3_and_the_remedy() {
    let folder = folder_with_picture();
    // A port that was free a moment ago, and that nothing listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let id = "0190f3c2a7d87e1fb2c3d4e5f6a7b8c9";
    for arguments in [
        vec!["submit", "in.png", "--op", "invert"],
        vec!["jobs"],
        vec!["workers"],
        vec!["cancel", id],
        vec!["retry", id],
        vec!["delete", id],
        vec!["purge"],
    ] {
        let output = tessera(folder.path(), &[&["--url", &url], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", said(&output));
        let output = tessera(folder.path(), &[&arguments[..], &["--url", &url]].concat());
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains("--url"), "{}", said(&output));
    }
}
