//! TCP sockets (`cloudflare:sockets`).
//!
//! Bound from the platform's own interface: `worker::Socket` unwraps where JavaScript throws, and
//! a thrown exception there would stop the whole isolate.

use std::cell::RefCell;

use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::{
    js_sys::{Object, Promise, Reflect, Uint8Array},
    wasm_bindgen_futures::{JsFuture, spawn_local},
    worker_sys,
};

use crate::{
    app::ports::{Connection, ConnectionFault, Connector},
    tls::TlsMode,
};

#[wasm_bindgen]
extern "C" {
    type Readable;
    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn get_reader(this: &Readable) -> Result<Reader, JsValue>;

    #[derive(Clone)]
    type Reader;
    #[wasm_bindgen(method, catch)]
    fn read(this: &Reader) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = releaseLock)]
    fn release_lock(this: &Reader) -> Result<(), JsValue>;

    type Writable;
    #[wasm_bindgen(method, catch, js_name = getWriter)]
    fn get_writer(this: &Writable) -> Result<Writer, JsValue>;

    #[derive(Clone)]
    type Writer;
    #[wasm_bindgen(method, catch)]
    fn write(this: &Writer, chunk: &Uint8Array) -> Result<Promise, JsValue>;
    #[wasm_bindgen(method, catch, js_name = releaseLock)]
    fn release_lock(this: &Writer) -> Result<(), JsValue>;
}

/// `connect()`.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlatformConnector;

impl Connector for PlatformConnector {
    type Connection = PlatformConnection;

    async fn connect(
        &self,
        host: &str,
        port: u16,
        tls: TlsMode,
    ) -> Result<PlatformConnection, ConnectionFault> {
        let transport = match tls {
            TlsMode::StartTls => "starttls",
            TlsMode::Implicit => "on",
        };
        let address = object(&[("hostname", host.into()), ("port", port.into())])?;
        let options = object(&[
            ("secureTransport", transport.into()),
            ("allowHalfOpen", false.into()),
        ])?;
        let socket = worker_sys::connect(address, options).map_err(fault)?;
        let ends = RefCell::new(Ends::of(socket)?);
        // Made before it is open, so that one that is given up while it opens is closed too.
        let connection = PlatformConnection {
            ends,
            reading: RefCell::new(None),
        };
        let opened = connection.ends.borrow().socket.opened();
        settle(opened).await?;
        Ok(connection)
    }
}

/// A socket, with the lock on both its streams.
#[derive(Clone)]
struct Ends {
    socket: worker_sys::Socket,
    reader: Reader,
    writer: Writer,
}

impl Ends {
    fn of(socket: worker_sys::Socket) -> Result<Self, ConnectionFault> {
        hush(socket.closed());
        let readable: Readable = socket.readable().map_err(fault)?.unchecked_into();
        let writable: Writable = socket.writable().map_err(fault)?.unchecked_into();
        let reader = readable.get_reader().map_err(fault)?;
        let writer = writable.get_writer().map_err(fault)?;
        Ok(Self {
            socket,
            reader,
            writer,
        })
    }
}

/// An open connection.
pub(super) struct PlatformConnection {
    ends: RefCell<Ends>,
    /// A read that was begun and whose octets nobody has taken yet. It is kept when a caller gives
    /// up waiting, because JavaScript cannot take a read back: its octets would be lost, and the
    /// lock on the stream with them.
    reading: RefCell<Option<Promise>>,
}

/// A connection that nobody holds any more is closed; one that is closed already does not mind.
impl Drop for PlatformConnection {
    fn drop(&mut self) {
        hush(self.ends.borrow().socket.close());
    }
}

impl Connection for PlatformConnection {
    async fn read(&self) -> Result<Option<Vec<u8>>, ConnectionFault> {
        let begun = self.reading.borrow().clone();
        let promise = match begun {
            Some(promise) => promise,
            None => {
                let promise = self.ends.borrow().reader.read().map_err(fault)?;
                self.reading.replace(Some(promise.clone()));
                promise
            }
        };
        let chunk = JsFuture::from(promise).await;
        self.reading.replace(None);
        let chunk = chunk.map_err(fault)?;
        let done = Reflect::get(&chunk, &"done".into())
            .map_err(fault)?
            .is_truthy();
        if done {
            return Ok(None);
        }
        let value = Reflect::get(&chunk, &"value".into()).map_err(fault)?;
        let octets: Uint8Array = value.dyn_into().map_err(fault)?;
        Ok(Some(octets.to_vec()))
    }

    async fn write(&self, octets: Vec<u8>) -> Result<(), ConnectionFault> {
        let chunk = Uint8Array::from(octets.as_slice());
        let write = self.ends.borrow().writer.write(&chunk);
        settle(write).await
    }

    async fn start_tls(&self) -> Result<(), ConnectionFault> {
        // Its octets would be plaintext that is read as if it had come over TLS.
        if self.reading.borrow().is_some() {
            return Err(ConnectionFault);
        }
        let plain = self.ends.borrow().clone();
        plain.reader.release_lock().map_err(fault)?;
        plain.writer.release_lock().map_err(fault)?;
        // Throws when the peer has closed already.
        let socket = plain.socket.start_tls().map_err(fault)?;
        let ends = Ends::of(socket)?;
        let opened = ends.socket.opened();
        self.ends.replace(ends);
        settle(opened).await
    }

    async fn close(&self) {
        let closed = self.ends.borrow().socket.close();
        // A peer that is gone already makes this fail, which is as good as closed.
        let _gone = settle(closed).await;
    }
}

/// Waits for a promise whose value does not matter.
async fn settle(promise: Result<Promise, JsValue>) -> Result<(), ConnectionFault> {
    JsFuture::from(promise.map_err(fault)?)
        .await
        .map(drop)
        .map_err(fault)
}

/// Lets a promise fail without a word in the log: what it would say is known from the reads.
fn hush(promise: Result<Promise, JsValue>) {
    if let Ok(promise) = promise {
        spawn_local(async move {
            let _known = JsFuture::from(promise).await;
        });
    }
}

/// The platform's text tells nothing (`internal error; reference = …`): the phase in which the
/// connection fails tells more, and the session knows that.
fn fault(_: JsValue) -> ConnectionFault {
    ConnectionFault
}

fn object(fields: &[(&str, JsValue)]) -> Result<JsValue, ConnectionFault> {
    let object = Object::new();
    for (name, value) in fields {
        Reflect::set(&object, &(*name).into(), value).map_err(fault)?;
    }
    Ok(object.into())
}
