//! `watchtower autoscale`: a sidecar that stays, as a program against a gateway, and as rules against an hour of faults. On a cluster:
//! `kubernetes`.

pub(crate) mod chaos;
pub(crate) mod program;
pub(crate) mod running;
pub(crate) mod standin;
