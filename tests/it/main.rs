//! Integration tests, one binary.

mod load;
