//! What `tessera doctor` says of the store, and how it makes another one the system's.

use tessera::same_store::another;
use tessera::state::{Announced, State, StateOptions, SystemStore};
use tessera::store::{Store, StoreId};

use super::{Args, Finding, bounded};
use crate::error::with_causes;
use crate::{CtlError, output};

/// The store, as a finding.
pub(super) async fn look(args: &Args) -> Finding {
    Finding {
        what: "store",
        said: look_at_store(args).await,
        remedy: "make the folder writable, or say where it is: TESSERA_STORE=file:///FOLDER, the same for all services"
            .to_owned(),
    }
}

/// The store that is set here beside the system's, and beside what the services say that they have.
async fn look_at_store(args: &Args) -> Result<String, String> {
    let store = Store::at(&args.store).map_err(|error| with_causes(&error))?;
    let own = bounded(store.identity()).await?;
    let state = State::lazy(&args.redis, StateOptions::default()).map_err(|error| error.to_string())?;
    let Some(system) = bounded(state.system_store()).await? else {
        return Ok(format!("no service has named one yet; {} is set here", args.store.store));
    };
    if own != Some(system.id) {
        return Err(another(&store.place(), own, &system));
    }
    let strangers = strangers(&bounded(state.announced_stores()).await?, &system);
    if !strangers.is_empty() {
        return Err(format!("the system's is {}, but {}", system.id, strangers.join("; ")));
    }
    store.check_writable().await.map_err(|error| format!("{} takes no files: {error}", store.place()))?;
    let jobs = bounded(store.jobs()).await?.len();
    Ok(format!("{jobs} jobs in {}, {} as for all services", args.store.store, system.id))
}

fn strangers(announced: &[Announced], system: &SystemStore) -> Vec<String> {
    let of = |id: Option<StoreId>| id.map_or_else(|| "none".to_owned(), |id| id.to_string());
    let others = announced.iter().filter(|said| said.id != Some(system.id));
    others.map(|said| format!("{} has {} at {}", said.service, of(said.id), said.place)).collect()
}

/// Makes the store that is set here the system's.
pub(super) async fn adopt(args: &Args) -> Result<(), CtlError> {
    let failed = |text: String| CtlError::Failed(format!("the system's store was not changed: {text}"));
    let store = Store::at(&args.store).map_err(|error| failed(with_causes(&error)))?;
    let state = State::lazy(&args.redis, StateOptions::default()).map_err(|error| failed(error.to_string()))?;
    let own = bounded(store.identity()).await.map_err(failed)?;
    let id = match own {
        Some(id) => id,
        None => bounded(store.make_identity()).await.map_err(failed)?,
    };
    let system = bounded(state.replace_store(id, &store.place())).await.map_err(failed)?;
    output::print(&format!("the system's store is {} now ({})\n", system.id, system.place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_of_another_store_are_named() {
        let id = StoreId::random();
        let system = SystemStore { id, place: "here".to_owned(), since: String::new() };
        let said = |service: &str, id| Announced { service: service.to_owned(), id, place: "there".to_owned() };
        let other = StoreId::random();
        let named = strangers(&[said("web-1", Some(id)), said("stitcher-2", Some(other)), said("x", None)], &system);
        assert_eq!(named, [format!("stitcher-2 has {other} at there"), "x has none at there".to_owned()]);
    }
}
