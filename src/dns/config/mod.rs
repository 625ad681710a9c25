//! The configuration of a resolver: its `source`, the `file`s `resolv_conf`, `hosts` and
//! `nsswitch`, which are `watched`, and the settings of a `platform` without them.

pub(super) mod file;
pub(super) mod hosts;
pub(super) mod nsswitch;
#[cfg(any(windows, target_vendor = "apple", target_os = "android"))]
pub(super) mod platform;
pub(super) mod resolv_conf;
pub(super) mod source;
pub(super) mod watched;
