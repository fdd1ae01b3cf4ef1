//! Panics: each is a bug, logged with its place and counted, wherever it is caught.
//!
//! Owns the process's hook. Ends nothing.

use std::panic::PanicHookInfo;
use std::sync::LazyLock;

use super::metrics::{Counter, Registry};

static PANICS: LazyLock<Counter> = LazyLock::new(Counter::default);

/// Logs and counts panics from now on.
pub fn watch() {
    std::panic::set_hook(Box::new(note));
}

fn note(panic: &PanicHookInfo<'_>) {
    PANICS.inc();
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current().name().unwrap_or("without a name").to_owned();
    let text = panic.payload_as_str().unwrap_or("no message");
    let text: String = text.chars().take(500).collect();
    tracing::error!(place, thread, text, "a panic: this is a bug, please report it");
}

/// Shows the count on a page.
pub fn register(registry: &mut Registry) {
    registry.register("panics", "Panics in this process; each is a bug", PANICS.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_counted_also_when_it_is_caught() {
        let before = PANICS.get();
        let usual = std::panic::take_hook();
        watch();
        let caught = std::panic::catch_unwind(|| panic!("a bug"));
        std::panic::set_hook(usual);
        assert!(caught.is_err());
        assert!(PANICS.get() > before);
    }
}
