//! The Worker's variables and secrets, handed to the one parser of configuration.

use std::{cell::OnceCell, collections::BTreeMap, rc::Rc};

use serde_json::Value;
use wasm_bindgen::{JsCast, JsValue};
use worker::{
    Context, Env,
    js_sys::{Array, JSON, Object},
};

use crate::config::Config;

/// The binding of the Workers KV namespace that caches sealed access tokens.
pub(super) const TOKENS: &str = "TOKENS";
/// The binding of the Outbox objects.
pub(super) const OUTBOX: &str = "OUTBOX";
/// The binding of the TokenKeeper objects.
pub(super) const TOKEN_KEEPER: &str = "TOKEN_KEEPER";

/// The binding of the Registry object.
pub(super) const REGISTRY: &str = "REGISTRY";

/// The binding of the counter of requests to the API. Optional.
pub(super) const API_WALL: &str = "API_WALL";

/// The binding of the platform's Email Service. Optional.
pub(super) const ALERT_EMAIL: &str = "ALERT_EMAIL";

thread_local! {
    /// An isolate belongs to one version of the Worker, and a version has one configuration.
    static CONFIG: OnceCell<Rc<Config>> = const { OnceCell::new() };
}

/// The configuration, parsed once in the life of the isolate.
pub(super) fn config(env: &Env) -> Rc<Config> {
    CONFIG.with(|cell| {
        cell.get_or_init(|| Rc::new(Config::parse(&variables(env))))
            .clone()
    })
}

/// What the environment holds of texts and tables.
fn variables(env: &Env) -> BTreeMap<String, Value> {
    let env: &Object = env.unchecked_ref();
    let mut variables = BTreeMap::new();
    for entry in Object::entries(env).iter() {
        let entry: Array = entry.unchecked_into();
        let Some(name) = entry.get(0).as_string() else {
            continue;
        };
        // Bindings are left alone: turning one into JSON may call into another Worker.
        if !Config::is_ours(&name) {
            continue;
        }
        if let Some(value) = to_json(&entry.get(1)) {
            variables.insert(name, value);
        }
    }
    variables
}

/// What the platform says of the caller, as JSON: its own reader of props leaves out what the type
/// does not name, and a caller with rights that we do not know has to be nobody.
pub(super) fn binding_props(context: &Context) -> Option<String> {
    JSON::stringify(&context.as_ref().props()).ok()?.as_string()
}

fn to_json(value: &JsValue) -> Option<Value> {
    if let Some(text) = value.as_string() {
        return Some(Value::String(text));
    }
    let text = JSON::stringify(value).ok()?.as_string()?;
    serde_json::from_str(&text).ok()
}
