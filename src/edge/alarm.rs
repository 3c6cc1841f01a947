//! An object's one alarm.

use worker::{Storage, js_sys};

use crate::{app::ports::StoreFault, time::UnixMillis};

/// Arms it, or disarms it. Part of the transaction it is called in; its promise only tells when it is
/// durable, which the output gate waits for anyway.
pub(super) fn arm(storage: &Storage, at: Option<UnixMillis>) -> Result<(), StoreFault> {
    let options = js_sys::Object::new();
    let armed = match at {
        Some(at) => {
            // A date, and not a number: numbers are taken for offsets from now.
            let millis = js_sys::Number::from(at.as_millis() as f64);
            storage
                .as_raw()
                .set_alarm(js_sys::Date::new(&millis), options)
        }
        None => storage.as_raw().delete_alarm(options),
    };
    armed.map(drop).map_err(|_| StoreFault)
}
