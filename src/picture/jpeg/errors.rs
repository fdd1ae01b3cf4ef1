//! Errors and warnings of the C library: caught, and none overlooked.
//!
//! The library unwinds on errors and only counts what it calls warnings, among them data that ends or
//! makes no sense. Here such a warning is an error of the call that met it. Only bytes that are left over are not
//! yet: whether they are harmless is found out later.

use std::cell::{Cell, RefCell};
use std::os::raw::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mozjpeg_sys::{
    JWRN_ADOBE_XFORM, JWRN_BOGUS_ICC, JWRN_EXTRANEOUS_DATA, JWRN_JFIF_MAJOR, jpeg_common_struct, jpeg_error_mgr,
    jpeg_std_error,
};

thread_local! {
    /// The first warning of the call that runs on this thread.
    static WARNING: RefCell<Option<String>> = const { RefCell::new(None) };
    /// Whether the call that runs on this thread left bytes over.
    static SURPLUS: Cell<bool> = const { Cell::new(false) };
}

/// An error manager that unwinds on errors and notes warnings.
pub(super) fn manager() -> jpeg_error_mgr {
    // SAFETY: jpeg_std_error fills the struct that it is given; all-zero bytes are a valid state before.
    let mut manager = unsafe {
        let mut manager = std::mem::zeroed();
        jpeg_std_error(&mut manager);
        manager
    };
    manager.error_exit = Some(unwind);
    manager.emit_message = Some(note);
    manager
}

/// Runs a call of the library; its errors and warnings become texts.
pub(super) fn guarded<T>(call: impl FnOnce() -> std::io::Result<T>) -> Result<T, String> {
    watched(call).map(|(value, _)| value)
}

/// As [`guarded`]; also tells whether bytes were left over.
pub(super) fn watched<T>(call: impl FnOnce() -> std::io::Result<T>) -> Result<(T, bool), String> {
    SURPLUS.set(false);
    WARNING.with_borrow_mut(Option::take);
    // A value that unwound is not used again: readers and writers note that they have failed.
    let outcome = catch_unwind(AssertUnwindSafe(call));
    let warning = WARNING.with_borrow_mut(Option::take);
    match (outcome, warning) {
        (Ok(Ok(_)), Some(warning)) => Err(warning),
        (Ok(Ok(value)), None) => Ok((value, SURPLUS.take())),
        (Ok(Err(error)), warning) => Err(warning.unwrap_or_else(|| error.to_string())),
        (Err(panic), _) => Err(panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "the decoder failed".into())),
    }
}

fn message(cinfo: &mut jpeg_common_struct) -> String {
    let mut text = [0u8; 80];
    // SAFETY: the library calls back with its own struct, whose error manager is the one made above;
    // format_message writes at most JMSG_LENGTH_MAX (200) bytes only through its table of short texts.
    unsafe {
        let Some(manager) = cinfo.err.as_ref() else { return "unknown error".to_owned() };
        let code = manager.msg_code;
        let Some(format) = manager.format_message else { return format!("error {code}") };
        let mut long = [0u8; 256];
        let format: unsafe extern "C-unwind" fn(&mut jpeg_common_struct, *mut u8) = std::mem::transmute(format);
        format(cinfo, long.as_mut_ptr());
        text.copy_from_slice(&long[..80]);
    }
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    String::from_utf8_lossy(&text[..end]).into_owned()
}

#[cold]
extern "C-unwind" fn unwind(cinfo: &mut jpeg_common_struct) {
    let text = message(cinfo);
    // Does not run the panic hook: a damaged picture is no news for the log.
    std::panic::resume_unwind(Box::new(text));
}

#[cold]
extern "C-unwind" fn note(cinfo: &mut jpeg_common_struct, level: c_int) {
    // SAFETY: as in `message`.
    let code = unsafe { cinfo.err.as_ref() }.map_or(0, |manager| manager.msg_code);
    if level < 0 && code == JWRN_EXTRANEOUS_DATA as c_int {
        return SURPLUS.set(true);
    }
    let harmless = [JWRN_ADOBE_XFORM, JWRN_JFIF_MAJOR, JWRN_BOGUS_ICC].iter().any(|known| *known as c_int == code);
    if level < 0 && !harmless {
        let text = message(cinfo);
        WARNING.with_borrow_mut(|warning| warning.get_or_insert(text).len());
    }
}
