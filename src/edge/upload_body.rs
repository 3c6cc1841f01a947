//! The body of a large request, read in pieces of a useful size.
//!
//! `worker` reads a body in the pieces in which it comes, of 4 KB; workerd's own `readAtLeast` fills a
//! buffer of ours before it comes back.
//! <https://developers.cloudflare.com/workers/runtime-apis/streams/readablestreambyobreader/>

use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::{
    Request,
    js_sys::{Object, Promise, Reflect, Uint8Array},
    wasm_bindgen_futures::JsFuture,
};

use crate::{
    app::ports::{BodyFault, BodySource},
    limits::UPLOAD_PIECE_OCTETS,
};

#[wasm_bindgen]
extern "C" {
    type Stream;
    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn get_reader(this: &Stream, options: &Object) -> Result<Reader, JsValue>;

    type Reader;
    #[wasm_bindgen(method, catch, js_name = readAtLeast)]
    fn read_at_least(this: &Reader, least: u32, into: &Uint8Array) -> Result<Promise, JsValue>;

    type Read;
    #[wasm_bindgen(method, getter)]
    fn done(this: &Read) -> bool;
    #[wasm_bindgen(method, getter)]
    fn value(this: &Read) -> Option<Uint8Array>;
}

/// Octets of a piece, as the platform counts them.
const PIECE: u32 = UPLOAD_PIECE_OCTETS as u32;

/// A body that has not been touched.
pub(super) struct UploadBody {
    /// Nothing, where a request has no body.
    reader: Option<Reader>,
}

impl UploadBody {
    /// The body of `request`.
    pub(super) fn of(request: &Request) -> Result<Self, BodyFault> {
        let Some(stream) = request.inner().body() else {
            return Ok(Self { reader: None });
        };
        let options = Object::new();
        let mode = Reflect::set(&options, &"mode".into(), &"byob".into());
        mode.map_err(|_| BodyFault)?;
        let stream: &Stream = stream.unchecked_ref();
        let reader = stream.get_reader(&options).map_err(|_| BodyFault)?;
        Ok(Self {
            reader: Some(reader),
        })
    }
}

impl BodySource for UploadBody {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, BodyFault> {
        let Some(reader) = &self.reader else {
            return Ok(None);
        };
        let into = Uint8Array::new_with_length(PIECE);
        let promise = reader.read_at_least(PIECE, &into).map_err(|_| BodyFault)?;
        let read = JsFuture::from(promise).await.map_err(|_| BodyFault)?;
        let read: Read = read.unchecked_into();
        // At the end of the body, the last piece may come with it or before it.
        let octets = read.value().map(|value| value.to_vec());
        let octets = octets.filter(|octets| !octets.is_empty());
        if octets.is_none() && !read.done() {
            return Err(BodyFault);
        }
        Ok(octets)
    }
}
