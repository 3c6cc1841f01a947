//! The body of a request, which comes as a test wants it.

#![allow(unreachable_pub, reason = "a test")]

use std::collections::VecDeque;

use edgepost::app::ports::{BodyFault, BodySource};

/// What comes next.
pub enum Next<'a> {
    Octets(Vec<u8>),
    Break,
    /// Nothing, for ever.
    Stall,
    /// Something happens before the rest comes.
    Meanwhile(Box<dyn FnOnce() + 'a>),
}

pub struct Body<'a>(VecDeque<Next<'a>>);

impl<'a> Body<'a> {
    pub fn new(all: Vec<Next<'a>>) -> Self {
        Self(all.into())
    }

    pub fn whole(octets: &[u8]) -> Self {
        Self(
            octets
                .chunks(100_000)
                .map(|piece| Next::Octets(piece.to_vec()))
                .collect(),
        )
    }

    pub fn then(mut self, next: Next<'a>) -> Self {
        self.0.push_back(next);
        self
    }

    /// All that is left, where nothing goes wrong.
    pub fn rest(self) -> Vec<u8> {
        self.0
            .into_iter()
            .flat_map(|next| match next {
                Next::Octets(octets) => octets,
                _ => panic!("a small body comes as a whole"),
            })
            .collect()
    }
}

impl BodySource for Body<'_> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, BodyFault> {
        loop {
            match self.0.pop_front() {
                None => return Ok(None),
                Some(Next::Octets(octets)) => return Ok(Some(octets)),
                Some(Next::Break) => return Err(BodyFault),
                Some(Next::Stall) => std::future::pending().await,
                Some(Next::Meanwhile(happens)) => happens(),
            }
        }
    }
}
