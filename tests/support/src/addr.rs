//! Addresses as tests write them.

use std::net::SocketAddr;

/// `192.0.2.1`, `2001:db8::1`, `fe80::1%1`, each alone (port 0) or with a port: `192.0.2.1#853`,
/// `192.0.2.1:443`, `[2001:db8::1]:443`.
pub fn addr(text: &str) -> SocketAddr {
    let (host, port) = text.split_once('#').unwrap_or((text, "0"));
    let forms = [host.to_owned(), format!("[{host}]:{port}"), format!("{host}:{port}")];
    let parsed = forms.iter().find_map(|form| form.parse().ok());
    parsed.unwrap_or_else(|| panic!("{text} is no address"))
}

pub fn addrs(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| addr(text)).collect()
}
