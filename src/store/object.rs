//! The names of objects.
//!
//! Made from parsed ids and closed sets only: no text of a sender is ever part of one.

use std::fmt;
use std::str::FromStr;

use crate::job::{JobId, Token};

/// The ending of pyramids.
const PYRAMID: &str = "pyramid";

/// A text that is not the name of an object.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("reading an object's name: {0:?} is not one")]
pub struct BadName(String);

/// Something in the store. Its text is its name: `{job}/original`, `{job}/{token}.png`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// The picture as it was sent.
    Original(JobId),
    /// The job's description, `job.json`.
    Manifest(JobId),
    /// How the job ended, `end.json`.
    End(JobId),
    /// A result, under the name of the attempt that made it.
    Result {
        /// The job.
        job: JobId,
        /// The attempt.
        token: Token,
        /// The format's ending, of lower-case letters and digits; anything else becomes `bin`.
        ext: String,
    },
    /// The rows between two stages.
    Rows {
        /// The job.
        job: JobId,
        /// The stage that they are the input of.
        stage: u32,
        /// The attempt that made them.
        token: Token,
    },
    /// The pyramid of the picture as it was sent, for viewers. The same whoever makes it.
    OriginalPyramid(JobId),
    /// The pyramid of a result, under the name of the attempt that made both.
    ResultPyramid {
        /// The job.
        job: JobId,
        /// The attempt.
        token: Token,
    },
}

impl Object {
    /// Whose it is.
    pub fn job(&self) -> JobId {
        match self {
            Self::Original(job) | Self::Manifest(job) | Self::End(job) | Self::OriginalPyramid(job) => *job,
            Self::Result { job, .. } | Self::Rows { job, .. } | Self::ResultPyramid { job, .. } => *job,
        }
    }

    /// The pyramid of a result or a picture, whether it is there or not; `None` of all else.
    pub fn pyramid(&self) -> Option<Self> {
        match self {
            Self::Original(job) => Some(Self::OriginalPyramid(*job)),
            Self::Result { job, token, .. } => Some(Self::ResultPyramid { job: *job, token: token.clone() }),
            _ => None,
        }
    }

    /// A result's name for an address of one part, `{job}-{token}.png`; `None` for all but results.
    pub fn public_name(&self) -> Option<String> {
        matches!(self, Self::Result { .. }).then(|| self.to_string().replacen('/', "-", 1))
    }

    /// Reads what [`Object::public_name`] gives.
    ///
    /// # Errors
    /// [`BadName`] if it is no result's name.
    pub fn from_public_name(text: &str) -> Result<Self, BadName> {
        match text.replacen('-', "/", 1).parse() {
            Ok(object @ Self::Result { .. }) => Ok(object),
            _ => Err(BadName(text.chars().take(80).collect())),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Original(job) => write!(out, "{job}/original"),
            Self::Manifest(job) => write!(out, "{job}/job.json"),
            Self::End(job) => write!(out, "{job}/end.json"),
            Self::Result { job, token, ext } => {
                let ext = if is_ending(ext) { ext } else { "bin" };
                write!(out, "{job}/{token}.{ext}")
            }
            Self::Rows { job, stage, token } => write!(out, "{job}/{token}.rows{stage}"),
            Self::OriginalPyramid(job) => write!(out, "{job}/original.{PYRAMID}"),
            Self::ResultPyramid { job, token } => write!(out, "{job}/{token}.{PYRAMID}"),
        }
    }
}

impl FromStr for Object {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = || BadName(text.chars().take(80).collect());
        let (job, name) = text.split_once('/').ok_or_else(bad)?;
        let job: JobId = job.parse().map_err(|_| bad())?;
        match name {
            "original" => return Ok(Self::Original(job)),
            "job.json" => return Ok(Self::Manifest(job)),
            "end.json" => return Ok(Self::End(job)),
            _ => {}
        }
        let (token, ext) = name.split_once('.').ok_or_else(bad)?;
        if (token, ext) == ("original", PYRAMID) {
            return Ok(Self::OriginalPyramid(job));
        }
        let token: Token = token.parse().map_err(|_| bad())?;
        match ext.strip_prefix("rows").and_then(|stage| stage.parse().ok()) {
            Some(stage) => Ok(Self::Rows { job, stage, token }),
            None if ext == PYRAMID => Ok(Self::ResultPyramid { job, token }),
            None if is_ending(ext) => Ok(Self::Result { job, token, ext: ext.to_owned() }),
            None => Err(bad()),
        }
    }
}

fn is_ending(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=8).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with("rows") && text != PYRAMID
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        let (job, token) = (JobId::random(), Token::random());
        let result = Object::Result { job, token: token.clone(), ext: "png".to_owned() };
        assert_eq!(Object::from_public_name(&result.public_name().unwrap()).unwrap(), result);
        let rows = Object::Rows { job, stage: 3, token };
        let pyramids = [Object::Original(job).pyramid().unwrap(), result.pyramid().unwrap()];
        assert_eq!((rows.pyramid(), pyramids[0].pyramid()), (None, None));
        let others = [Object::Original(job), Object::Manifest(job), Object::End(job), result, rows];
        for object in others.into_iter().chain(pyramids) {
            assert_eq!(object.to_string().parse::<Object>().unwrap(), object);
        }
    }

    #[test]
    fn nothing_else_is_a_name() {
        let (job, token) = (JobId::random(), Token::random());
        let names = [
            String::new(),
            "../etc/passwd".to_owned(),
            format!("{job}/../{job}/original"),
            format!("{job}/original/x"),
            format!("{job}/{token}.p/g"),
            format!("{job}/{token}."),
            format!("{job}/{token}.PNG"),
            format!("{job}/{token}.png#1"),
            format!("{job}/original#1"),
            format!("{job}/x.png"),
        ];
        for name in names {
            assert!(name.parse::<Object>().is_err(), "{name}");
            assert!(Object::from_public_name(&name).is_err(), "{name}");
        }
        assert!(Object::from_public_name(&format!("{job}-original")).is_err());
    }

    #[test]
    fn an_ending_cannot_leave_the_folder() {
        let (job, token) = (JobId::random(), Token::random());
        let object = Object::Result { job, token: token.clone(), ext: "../../x".to_owned() };
        assert_eq!(object.to_string(), format!("{job}/{token}.bin"));
    }
}
