//! The configuration of systems that have no resolv.conf, as hickory reads it there.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use hickory_resolver::config::{ResolverConfig, ResolverOpts};
use hickory_resolver::system_conf::read_system_conf;

use super::resolv_conf::{self, Conf};
use crate::dns::message::text_name;
use crate::race::answer::{LookupError, LookupErrorKind};

/// How long a configuration is used before it is read again, in seconds.
const PERIOD: u64 = 10;

/// Nothing tells that the configuration has changed, so time has to.
pub(super) fn period() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs() / PERIOD
}

pub(super) fn read() -> Result<Conf, LookupError> {
    match read_system_conf() {
        Ok((config, options)) => Ok(convert(&config, &options)),
        Err(e) => Err(LookupError::from(LookupErrorKind::NoNameServer).with_cause(e.to_string())),
    }
}

/// Servers without zones: hickory's reader does not have them.
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
