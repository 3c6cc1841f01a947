//! The objects that a STOP has to reach, and how the Registry comes to know of them.

use serde::{Deserialize, Serialize};

use super::{
    operator::Registrar,
    ports::{Clock, StandingStore, StoreFault},
    registry::{RegistryAnswer, RegistryQuestion},
    standing::{Word, note},
    submit::by,
};
use crate::limits::REGISTRY_TIMEOUT;

/// The name of an object with its class before it: `outbox/sales`, `keeper/grant/…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectName(String);

const OUTBOX: &str = "outbox/";
const KEEPER: &str = "keeper/";

impl ObjectName {
    /// An Outbox.
    pub fn outbox(name: &str) -> Self {
        Self(format!("{OUTBOX}{name}"))
    }

    /// A TokenKeeper.
    pub fn keeper(name: &str) -> Self {
        Self(format!("{KEEPER}{name}"))
    }

    /// The name of the Outbox, if it is one.
    pub fn as_outbox(&self) -> Option<&str> {
        self.0.strip_prefix(OUTBOX)
    }

    /// The name of the Keeper, if it is one.
    pub fn as_keeper(&self) -> Option<&str> {
        self.0.strip_prefix(KEEPER)
    }

    /// As it is told to people.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Has the Registry know an object before it is used for the first time: one question in its life.
/// Answers whether it does.
///
/// A Registry that does not answer is asked again the next time, and holds nobody up meanwhile: what
/// is configured a STOP finds without it, and an enquiry that is turned away is lost.
///
/// # Errors
/// When the object's own storage fails.
pub async fn enter(
    name: ObjectName,
    store: &impl StandingStore,
    registry: &impl Registrar,
    clock: &impl Clock,
) -> Result<bool, StoreFault> {
    if store.standing()?.entered {
        return Ok(true);
    }
    let deadline = clock.now().after(REGISTRY_TIMEOUT);
    let question = RegistryQuestion::Enter(name);
    let answer = by(clock, deadline, registry.ask(&question)).await;
    let Some(Ok(RegistryAnswer::Entered { stopped })) = answer else {
        return Ok(false);
    };
    if stopped {
        // Everything was stopped before it was there to be told.
        note(store, Word::Stop, clock.now())?;
    }
    let mut standing = store.standing()?;
    standing.entered = true;
    store.set_standing(&standing)?;
    Ok(true)
}
