//! The search for secrets where none may be: what is searched for, where, and what may be where.

mod canary;
mod evidence;
pub mod findings;
mod needles;
mod place;
mod tables;

pub use canary::{Canary, Kind, canaries, forms};
pub use evidence::{Piece, Stored, answer, everything, stored};
pub use findings::{Finding, Findings};
pub use needles::{Hit, Needles, Report};
pub use place::Place;
