//! Integration tests: one binary, a module per concern.

mod cluster;
mod engines;
mod policies_document;
mod sim;
mod theory;
mod tidy;
