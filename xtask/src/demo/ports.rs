//! The demo's ports: easy to remember, and another free one where one is taken.

use crate::{Result, ports};

/// The Worker, where wrangler usually is.
pub const WORKER: u16 = 8787;

/// The sandbox: its inbox, its authorization server, its submission server.
pub const SANDBOX: [u16; 3] = [8025, 8026, 8587];

/// The ports of one demo.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) worker: u16,
    pub(super) web: u16,
    pub(super) https: u16,
    pub(super) smtp: u16,
}

impl Ports {
    pub(super) fn choose() -> Result<Self> {
        let [web, https, smtp] = SANDBOX;
        Ok(Self {
            worker: ports::free_or(WORKER)?,
            web: ports::free_or(web)?,
            https: ports::free_or(https)?,
            smtp: ports::free_or(smtp)?,
        })
    }
}
