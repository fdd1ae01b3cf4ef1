//! stub
use serde::{Deserialize, Serialize};
/// stub
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {}
