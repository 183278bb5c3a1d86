//! Integration tests: one binary, a module per concern.

mod policies_document;
mod scenario;
mod tidy;
