//! `watchtower autoscale`: a sidecar that stays, as a program against a gateway, and as rules against an hour of faults.

mod chaos;
mod program;
mod standin;
