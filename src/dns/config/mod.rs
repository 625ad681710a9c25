//! The configuration: resolv.conf, the hosts file, nsswitch.conf.

pub(super) mod file;
pub(super) mod hosts;
pub(super) mod nsswitch;
#[cfg(any(windows, target_vendor = "apple", target_os = "android"))]
pub(super) mod platform;
pub(super) mod resolv_conf;
pub(super) mod source;
