//! A JSON body, read once from beginning to end: the files in it are written somewhere else as they
//! are met, and only the rest is held. So a body takes as much memory as its text, whatever its size
//! and however its files are written.

use std::{
    cell::Cell,
    io::{self, Read},
    rc::Rc,
};

use serde_json::{Map, Number, Value};
use struson::reader::{JsonReader, JsonStreamReader, ReaderError, ReaderSettings, ValueType};

use super::{ApiError, base64::Base64Decoder};
use crate::{
    limits::{
        ATTACHMENTS, FILE_PIECE_OCTETS, JSON_DEPTH, JSON_VALUES, MESSAGE_TEXT_OCTETS,
        MESSAGE_TEXT_RAW_OCTETS,
    },
    mail::{Measure, Measured},
};

/// Where the octets of files go.
pub trait FileSink {
    /// Takes piece `piece` of the file at `index`: as long as
    /// [`FILE_PIECE_OCTETS`](crate::limits::FILE_PIECE_OCTETS) but for the last.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn write(&mut self, index: usize, piece: u32, octets: Vec<u8>) -> Result<(), NotKept>;
}

/// Files that are held, for a body that is.
#[derive(Default)]
pub struct Held(Vec<(usize, Vec<u8>)>);

impl Held {
    /// The file at `index`, which is then not held any more.
    pub fn take(&mut self, index: usize) -> Vec<u8> {
        let file = self.0.iter_mut().find(|(place, _)| *place == index);
        file.map(|(_, octets)| std::mem::take(octets))
            .unwrap_or_default()
    }
}

impl FileSink for Held {
    fn write(&mut self, index: usize, piece: u32, octets: Vec<u8>) -> Result<(), NotKept> {
        match self.0.last_mut().filter(|_| piece > 0) {
            Some((_, file)) => file.extend_from_slice(&octets),
            None => self.0.push((index, octets)),
        }
        Ok(())
    }
}

/// Somebody's letters: `Debug` shows how many.
impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Held({} files)", self.0.len())
    }
}

/// A file could not be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotKept;

/// What is left of a body when its files have been taken out of it.
#[derive(Debug)]
pub struct Body {
    /// The body, without the content of its attachments.
    pub rest: Value,
    /// What is known of each content that was taken out, with the attachment's place.
    pub files: Vec<(usize, Measured)>,
}

/// Why a body was not read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyError {
    /// The caller's mistake.
    Caller(ApiError),
    /// Where it was read from, or where its files go, failed.
    Storage,
}

impl Body {
    /// The fields of the object that it is.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn fields(&self) -> Result<&Map<String, Value>, ApiError> {
        let fields = self.rest.as_object();
        fields.ok_or_else(|| ApiError::not_json("an object is expected"))
    }

    /// Reads a body. `json` may fail only because storage does.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read(json: impl Read, files: &mut impl FileSink) -> Result<Self, BodyError> {
        let uncounted = Rc::new(Cell::new(false));
        let source = Source {
            json,
            uncounted: Rc::clone(&uncounted),
            left: MESSAGE_TEXT_RAW_OCTETS,
            failed: Rc::default(),
        };
        let failed = Rc::clone(&source.failed);
        let settings = ReaderSettings {
            max_nesting_depth: Some(JSON_DEPTH),
            track_path: false,
            ..ReaderSettings::default()
        };
        let mut reading = Reading {
            json: JsonStreamReader::new_custom(source, settings),
            sink: files,
            uncounted,
            text_left: MESSAGE_TEXT_OCTETS,
            values_left: JSON_VALUES,
            files: Vec::new(),
        };
        let read = reading.body();
        let Reading { json, files, .. } = reading;
        let read = read.and_then(|rest| {
            json.consume_trailing_whitespace()?;
            Ok(rest)
        });
        match read {
            Ok(rest) => Ok(Self { rest, files }),
            Err(_) if failed.get() == Some(Fault::Storage) => Err(BodyError::Storage),
            Err(_) if failed.get() == Some(Fault::TooMuch) => Err(too_much()),
            Err(Stop::Is(error)) => Err(error),
            Err(Stop::Syntax) => Err(BodyError::Caller(ApiError::not_json(
                "it ends early or is no JSON",
            ))),
        }
    }
}

/// Reading stops.
enum Stop {
    Is(BodyError),
    /// At what is no JSON, or no UTF-8, or nested too deep.
    Syntax,
}

impl From<ReaderError> for Stop {
    fn from(_: ReaderError) -> Self {
        // The library's words repeat what stands in the body.
        Self::Syntax
    }
}

impl From<BodyError> for Stop {
    fn from(error: BodyError) -> Self {
        Self::Is(error)
    }
}

/// The body as it is read, counting what is not a file's: names of fields are read whole by the
/// library, however long they are.
struct Source<R> {
    json: R,
    uncounted: Rc<Cell<bool>>,
    left: usize,
    failed: Rc<Cell<Option<Fault>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Storage,
    TooMuch,
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let fault = |fault| {
            self.failed.set(Some(fault));
            io::Error::from(io::ErrorKind::Other)
        };
        let read = self.json.read(into).map_err(|_| fault(Fault::Storage))?;
        if !self.uncounted.get() {
            let left = self.left.checked_sub(read);
            self.left = left.ok_or_else(|| fault(Fault::TooMuch))?;
        }
        Ok(read)
    }
}

struct Reading<'a, R: Read, S> {
    json: JsonStreamReader<R>,
    sink: &'a mut S,
    uncounted: Rc<Cell<bool>>,
    text_left: usize,
    values_left: usize,
    files: Vec<(usize, Measured)>,
}

impl<R: Read, S: FileSink> Reading<'_, R, S> {
    fn body(&mut self) -> Result<Value, Stop> {
        if self.json.peek()? != ValueType::Object {
            return self.value();
        }
        self.object(|reading, name| match name {
            "attachments" if reading.json.peek()? == ValueType::Array => reading.attachments(),
            _ => reading.value(),
        })
    }

    fn attachments(&mut self) -> Result<Value, Stop> {
        if !self.files.is_empty() {
            return Err(caller("`attachments` is there twice").into());
        }
        let mut list = Vec::new();
        self.json.begin_array()?;
        while self.json.has_next()? {
            let index = list.len();
            if index >= ATTACHMENTS {
                let most = format_args!("it has at most {ATTACHMENTS} entries").to_string();
                return Err(BodyError::Caller(ApiError::invalid("attachments", most)).into());
            }
            let value = if self.json.peek()? == ValueType::Object {
                self.object(|reading, name| match name {
                    "content" if reading.json.peek()? != ValueType::Null => reading.content(index),
                    _ => reading.value(),
                })?
            } else {
                self.value()?
            };
            list.push(value);
        }
        self.json.end_array()?;
        Ok(Value::Array(list))
    }

    /// A file, in one of the three forms that clients send. What stands for it in the rest says
    /// nothing: what is known of it stands beside.
    fn content(&mut self, index: usize) -> Result<Value, Stop> {
        if self.files.last().is_some_and(|(last, _)| *last == index) {
            return Err(caller("`content` is there twice").into());
        }
        let mut file = File::new(index, self.sink, &self.uncounted);
        match self.json.peek()? {
            ValueType::String => base64(&mut self.json, &mut file)?,
            ValueType::Array => octets(&mut self.json, &mut file)?,
            ValueType::Object => buffer(&mut self.json, &mut file)?,
            _ => return Err(file.is_none()),
        }
        let measured = file.end()?;
        self.files.push((index, measured));
        Ok(Value::Bool(true))
    }

    fn value(&mut self) -> Result<Value, Stop> {
        self.values_left = self.values_left.checked_sub(1).ok_or_else(too_much)?;
        Ok(match self.json.peek()? {
            ValueType::Null => {
                self.json.next_null()?;
                Value::Null
            }
            ValueType::Boolean => Value::Bool(self.json.next_bool()?),
            ValueType::Number => {
                let number = self.json.next_number_as_str()?;
                let number = serde_json::from_str::<Number>(number).map_err(|_| Stop::Syntax)?;
                Value::Number(number)
            }
            ValueType::String => {
                let text = self.json.next_string_reader()?;
                let most = u64::try_from(self.text_left).unwrap_or(u64::MAX);
                let mut read = Vec::new();
                text.take(most.saturating_add(1))
                    .read_to_end(&mut read)
                    .map_err(|_| Stop::Syntax)?;
                let left = self.text_left.checked_sub(read.len());
                self.text_left = left.ok_or_else(too_much)?;
                Value::String(String::from_utf8(read).map_err(|_| Stop::Syntax)?)
            }
            ValueType::Array => {
                let mut list = Vec::new();
                self.json.begin_array()?;
                while self.json.has_next()? {
                    list.push(self.value()?);
                }
                self.json.end_array()?;
                Value::Array(list)
            }
            ValueType::Object => self.object(|reading, _| reading.value())?,
        })
    }

    fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, &str) -> Result<Value, Stop>,
    ) -> Result<Value, Stop> {
        let mut fields = Map::new();
        self.json.begin_object()?;
        while self.json.has_next()? {
            let name = self.json.next_name_owned()?;
            let left = self.text_left.checked_sub(name.len());
            self.text_left = left.ok_or_else(too_much)?;
            let value = field(self, &name)?;
            fields.insert(name, value);
        }
        self.json.end_object()?;
        Ok(Value::Object(fields))
    }
}

/// A file on its way to where it is kept.
struct File<'a, S> {
    index: usize,
    sink: &'a mut S,
    uncounted: Rc<Cell<bool>>,
    pending: Vec<u8>,
    pieces: u32,
    measure: Measure,
}

impl<'a, S: FileSink> File<'a, S> {
    fn new(index: usize, sink: &'a mut S, uncounted: &Rc<Cell<bool>>) -> Self {
        Self {
            index,
            sink,
            uncounted: Rc::clone(uncounted),
            pending: Vec::new(),
            pieces: 0,
            measure: Measure::default(),
        }
    }

    /// Hands on what makes a whole piece of `pending`.
    fn flush(&mut self) -> Result<(), Stop> {
        while self.pending.len() >= FILE_PIECE_OCTETS {
            let rest = self.pending.split_off(FILE_PIECE_OCTETS);
            let piece = std::mem::replace(&mut self.pending, rest);
            self.hand_on(piece)?;
        }
        Ok(())
    }

    fn hand_on(&mut self, piece: Vec<u8>) -> Result<(), Stop> {
        self.measure.add(&piece);
        let kept = self.sink.write(self.index, self.pieces, piece);
        self.pieces = self.pieces.saturating_add(1);
        kept.map_err(|NotKept| BodyError::Storage.into())
    }

    fn end(mut self) -> Result<Measured, Stop> {
        let last = std::mem::take(&mut self.pending);
        if !last.is_empty() {
            self.hand_on(last)?;
        }
        Ok(self.measure.end())
    }

    /// It is not a file in any form.
    fn is_none(&self) -> Stop {
        let error = ApiError::attachment(self.index, super::send::NOT_CONTENT);
        BodyError::Caller(error).into()
    }
}

/// Characters of text that are decoded at a time.
const TEXT_OCTETS: usize = 16 * 1024;

fn base64<R: Read, S: FileSink>(
    json: &mut JsonStreamReader<R>,
    file: &mut File<'_, S>,
) -> Result<(), Stop> {
    let mut text = json.next_string_reader()?;
    let mut decoder = Base64Decoder::default();
    let mut buffer = vec![0; TEXT_OCTETS];
    file.uncounted.set(true);
    file.pending
        .reserve(FILE_PIECE_OCTETS.saturating_add(TEXT_OCTETS));
    loop {
        let read = text.read(&mut buffer).map_err(|_| Stop::Syntax)?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else {
            break;
        };
        if decoder.push(piece, &mut file.pending).is_err() {
            return Err(file.is_none());
        }
        file.flush()?;
    }
    if decoder.end(&mut file.pending).is_err() {
        return Err(file.is_none());
    }
    file.uncounted.set(false);
    file.flush()
}

fn octets<R: Read, S: FileSink>(
    json: &mut JsonStreamReader<R>,
    file: &mut File<'_, S>,
) -> Result<(), Stop> {
    json.begin_array()?;
    file.uncounted.set(true);
    while json.has_next()? {
        if json.peek()? != ValueType::Number {
            return Err(file.is_none());
        }
        let Ok(octet) = json.next_number_as_str()?.parse::<u8>() else {
            return Err(file.is_none());
        };
        file.pending.push(octet);
        file.flush()?;
    }
    file.uncounted.set(false);
    Ok(json.end_array()?)
}

/// Node's `{"type":"Buffer","data":[…]}`.
fn buffer<R: Read, S: FileSink>(
    json: &mut JsonStreamReader<R>,
    file: &mut File<'_, S>,
) -> Result<(), Stop> {
    let (mut is_buffer, mut has_data) = (false, false);
    json.begin_object()?;
    while json.has_next()? {
        match json.next_name_owned()?.as_str() {
            "type" if json.peek()? == ValueType::String => is_buffer = json.next_str()? == "Buffer",
            "data" if json.peek()? == ValueType::Array && !has_data => {
                has_data = true;
                octets(json, file)?;
            }
            _ => json.skip_value()?,
        }
    }
    json.end_object()?;
    if is_buffer && has_data {
        Ok(())
    } else {
        Err(file.is_none())
    }
}

fn caller(what: &str) -> BodyError {
    BodyError::Caller(ApiError::not_json(what))
}

fn too_much() -> BodyError {
    BodyError::Caller(ApiError::too_large("MESSAGE_TEXT_OCTETS"))
}

#[cfg(test)]
mod tests;
