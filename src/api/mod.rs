//! Answers to programs.

mod problem;

pub use problem::Problem;
