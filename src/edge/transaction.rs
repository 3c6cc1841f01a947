//! `transactionSync`, which `worker` 0.8.7 lacks.
//! <https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/#transactionsync>

use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::Storage;

use crate::app::ports::StoreFault;

#[wasm_bindgen]
extern "C" {
    type Transactional;
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &Transactional,
        work: &mut dyn FnMut() -> Result<(), JsValue>,
    ) -> Result<JsValue, JsValue>;
}

/// Does `work` whole or not at all: an error is thrown out of the transaction, and everything in
/// it is rolled back.
pub(super) fn transaction(
    storage: &Storage,
    mut work: impl FnMut() -> Result<(), StoreFault>,
) -> Result<(), StoreFault> {
    let storage: &Transactional = storage.as_raw().unchecked_ref();
    let mut throwing =
        || work().map_err(|StoreFault| JsValue::from_str("the transaction was rolled back"));
    storage
        .transaction_sync(&mut throwing)
        .map(drop)
        .map_err(|_| StoreFault)
}
