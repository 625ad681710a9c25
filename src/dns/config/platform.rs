//! The configuration of systems without resolv.conf, from hickory's reader of their settings.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use hickory_resolver::config::{ResolverConfig, ResolverOpts};
use hickory_resolver::system_conf::read_system_conf;

use super::resolv_conf::{self, Conf};
use crate::dns::message::text_name;
use crate::race::answer::{LookupError, LookupErrorKind};

/// A configuration is read again after this time, in seconds.
const PERIOD: u64 = 10;

/// These systems do not report a change, so the configuration is read again in each period.
pub(super) fn period() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs() / PERIOD
}

pub(super) fn read() -> Result<Conf, LookupError> {
    match read_system_conf() {
        Ok((config, options)) => Ok(convert(&config, &options)),
        Err(e) => Err(LookupError::from(LookupErrorKind::NoNameServer).with_cause(e)),
    }
}

/// Converts to the form of resolv.conf. The servers have no zones, because hickory's reader lacks
/// them.
fn convert(config: &ResolverConfig, options: &ResolverOpts) -> Conf {
    let servers = config.name_servers().iter().filter_map(|server| {
        let port = server.connections.first()?.port;
        Some(resolv_conf::system_server(SocketAddr::new(server.ip, port)))
    });
    let mut conf = Conf::of(servers);
    let domain = config.domain().filter(|_| config.search().is_empty());
    let search = config.search().iter().chain(domain).filter(|name| !name.is_root());
    conf.search = search.filter_map(|name| resolv_conf::domain(&text_name(name))).collect();
    conf.ndots = options.ndots;
    conf
}
