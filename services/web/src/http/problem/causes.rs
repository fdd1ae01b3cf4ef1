//! What failures inside the system are to the sender of a request; their causes go to the log.

use tessera::bus::BusError;
use tessera::ending::EndError;
use tessera::operation::StepError;
use tessera::plan::PlanError;
use tessera::state::StateError;
use tessera::store::StoreError;

use super::Problem;

impl From<StateError> for Problem {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Unavailable(cause) => {
                tracing::warn!(%cause, "redis does not answer");
                Self::Unavailable("the job store (Redis) does not answer now".to_owned())
            }
            error => Self::internal("asking redis", error),
        }
    }
}

impl From<EndError> for Problem {
    fn from(error: EndError) -> Self {
        match error {
            EndError::State(error) => error.into(),
            EndError::Store(error) => error.into(),
        }
    }
}

impl From<BusError> for Problem {
    fn from(error: BusError) -> Self {
        tracing::warn!(cause = %error, "kafka does not take a record");
        Self::Unavailable("the queue (Kafka) does not answer now".to_owned())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full { .. } => {
                tracing::error!(cause = %error, "the store is full");
                Self::Unavailable("there is no room for another picture now".to_owned())
            }
            StoreError::Unavailable { .. } => {
                tracing::error!(cause = crate::error::chain(&error), "the store does not answer");
                Self::Unavailable("the store of pictures does not answer now".to_owned())
            }
            StoreError::Missing { .. } => {
                tracing::warn!(cause = %error, "a file that should be kept is gone");
                Self::Gone("the file is no longer kept".to_owned())
            }
            StoreError::Damaged { .. } => {
                tracing::error!(cause = %error, "a file that is kept is damaged");
                Self::Damaged
            }
            StoreError::Address { .. } => Self::internal("opening the store", error),
        }
    }
}

impl From<StepError> for Problem {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Grammar(text) => Self::BadRequest(text),
            error => Self::Unprocessable(error.to_string()),
        }
    }
}

impl From<PlanError> for Problem {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Step(error) => error.into(),
            error => Self::Unprocessable(error.to_string()),
        }
    }
}
