//! The headers of a record as they came, so that a dead letter can carry them on unchanged.

use crate::job::TraceContext;

/// Names and values, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// Takes headers as they came.
    pub fn new(headers: Vec<(String, Vec<u8>)>) -> Self {
        Self(headers)
    }

    /// The last header of that name, if it is UTF-8.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().rfind(|(other, _)| other == name)?;
        std::str::from_utf8(value).ok()
    }

    /// The trace that the record belongs to, if it says so.
    pub fn trace(&self) -> Option<TraceContext> {
        self.get(TraceContext::HEADER)?.parse().ok()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

impl FromIterator<(&'static str, String)> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'static str, String)>>(headers: I) -> Self {
        Self(headers.into_iter().map(|(name, value)| (name.to_owned(), value.into_bytes())).collect())
    }
}
