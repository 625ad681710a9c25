//! The home host: the addresses and routes of the namespace, and its files in /etc.

use std::fs;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::program::Program;

/// The first TUN device.
const DEVICE: &str = "he0";
/// The second TUN device, on hosts that have two.
const SECOND_DEVICE: &str = "he1";

/// The home host's IPv4 address.
pub const HOME_V4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 77);
/// The home host's IPv6 address.
pub const HOME_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0, 0, 0, 0, 0x77);
/// The IPv4 address of the second device.
pub const SECOND_V4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 99);
/// The IPv6 address of the second device.
pub const SECOND_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x99, 0, 0, 0, 0, 0x99);
/// The name server in resolv.conf.
pub const NAME_SERVER_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 53);
/// The name server in resolv.conf of a host without IPv4.
pub const NAME_SERVER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x53, 0, 0, 0, 0, 0x53);

/// The configuration of the home host. Every packet that it sends to another host goes into a TUN
/// device.
#[derive(Debug, Clone)]
pub struct Home {
    v4: bool,
    v6: bool,
    second: Vec<IpAddr>,
    more: Vec<String>,
    programs: Vec<Program>,
}

impl Home {
    /// An address and a default route of each family.
    #[must_use]
    pub fn dual_stack() -> Self {
        let (second, more, programs) = (Vec::new(), Vec::new(), Vec::new());
        Self { v4: true, v6: true, second, more, programs }
    }

    /// No IPv6 address except `::1`.
    #[must_use]
    pub fn v4_only() -> Self {
        Self { v6: false, ..Self::dual_stack() }
    }

    /// No IPv4 address except 127.0.0.1.
    #[must_use]
    pub fn v6_only() -> Self {
        Self { v4: false, ..Self::dual_stack() }
    }

    /// A second device, `he1`, with [`SECOND_V4`]. No route leads to it.
    #[must_use]
    pub fn with_second_v4(mut self) -> Self {
        self.second.push(SECOND_V4.into());
        self
    }

    /// A second device, `he1`, with [`SECOND_V6`]. No route leads to it.
    #[must_use]
    pub fn with_second_v6(mut self) -> Self {
        self.second.push(SECOND_V6.into());
        self
    }

    /// Another command for `ip`, such as `addr add fd00::1/64 dev he0 nodad`; see
    /// [`Net::ip`](crate::Net::ip).
    #[must_use]
    pub fn and(mut self, command: &str) -> Self {
        self.more.push(command.to_owned());
        self
    }

    /// The test needs this program.
    #[must_use]
    pub fn needs(mut self, program: Program) -> Self {
        self.programs.push(program);
        self
    }

    /// The programs that the test needs.
    pub(crate) fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// The name server in resolv.conf at the start.
    pub(crate) fn name_server(&self) -> IpAddr {
        if self.v4 { NAME_SERVER_V4.into() } else { NAME_SERVER_V6.into() }
    }

    /// The devices of the wire.
    pub(crate) fn devices(&self) -> &[&'static str] {
        if self.second.is_empty() { &[DEVICE] } else { &[DEVICE, SECOND_DEVICE] }
    }

    /// The addresses of the second device.
    pub(crate) fn second(&self) -> &[IpAddr] {
        &self.second
    }

    /// Configures the namespace, in which the devices exist already.
    pub(crate) fn set_up(&self) -> io::Result<()> {
        // TCP time stamps count from the zero of the monotonic clock.
        fs::write("/proc/sys/net/ipv4/tcp_timestamps", "2")?;
        fs::write("/proc/sys/net/ipv4/conf/all/rp_filter", "0")?;
        let mut commands = vec!["link set lo up".to_owned()];
        for device in self.devices() {
            // An answer comes by the device that the question took, also where no route leads
            // there.
            fs::write(format!("/proc/sys/net/ipv4/conf/{device}/rp_filter"), "0")?;
            commands.push(format!("link set {device} addrgenmode none"));
            commands.push(format!("link set {device} up"));
        }
        if self.v4 {
            commands.push(format!("addr add {HOME_V4}/32 dev {DEVICE}"));
            commands.push(format!("route add 0.0.0.0/0 dev {DEVICE}"));
        }
        if self.v6 {
            commands.push(format!("addr add {HOME_V6}/128 dev {DEVICE} nodad"));
            commands.push(format!("route add ::/0 dev {DEVICE}"));
        }
        for ip in &self.second {
            let nodad = if ip.is_ipv6() { "/128 nodad" } else { "/32" };
            commands.push(format!("addr add {ip}{nodad} dev {SECOND_DEVICE}"));
        }
        commands.extend_from_slice(&self.more);
        ip(&commands)
    }
}

/// Runs commands of `ip`, the ones that begin with `-6` last. When it returns, the IPv6 addresses
/// that they add receive packets.
pub(crate) fn ip(commands: &[String]) -> io::Result<()> {
    let (v6, rest): (Vec<&str>, Vec<&str>) =
        commands.iter().map(String::as_str).partition(|command| command.starts_with("-6 "));
    batch(&[], &rest)?;
    batch(&["-6"], &v6.iter().map(|command| &command[3..]).collect::<Vec<_>>())?;
    commands.iter().filter_map(|command| added_v6(command)).try_for_each(takes_packets)
}

/// The address of `addr add 2001:db8::1/128 dev he0 nodad`.
fn added_v6(command: &str) -> Option<Ipv6Addr> {
    command.strip_prefix("addr add ")?.split('/').next()?.parse().ok()
}

/// Waits until Linux delivers packets to this address. Linux adds the local route a moment after
/// the address: in a work queue, at the end of duplicate address detection, even if that is off. It
/// drops packets that come sooner, and the peer sends the next one a second later.
fn takes_packets(ip: Ipv6Addr) -> io::Result<()> {
    let hex: String = ip.octets().iter().map(|byte| format!("{byte:02x}")).collect();
    let is_local = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let flags = fields.get(8).and_then(|flags| u32::from_str_radix(flags, 16).ok());
        line.starts_with(&hex) && flags.is_some_and(|flags| flags & RTF_LOCAL != 0)
    };
    for _ in 0..1_000 {
        if fs::read_to_string("/proc/net/ipv6_route")?.lines().any(is_local) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(io::Error::other(format!("no packets for {ip}: it has no local route")))
}

/// From `linux/ipv6_route.h`.
const RTF_LOCAL: u32 = 0x8000_0000;

fn batch(options: &[&str], commands: &[&str]) -> io::Result<()> {
    let mut command = Command::new("ip");
    command.args(options).args(["-batch", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all((commands.join("\n") + "\n").as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
    }
}

/// Mounts files of the test's own over those in /etc, in this mount namespace.
pub(crate) fn replace_etc(dir: &Path, name_server: IpAddr) -> io::Result<()> {
    let files = [
        ("resolv.conf", format!("nameserver {name_server}\n")),
        ("hosts", "127.0.0.1 localhost\n::1 localhost\n".to_owned()),
        ("nsswitch.conf", "hosts: files dns\n".to_owned()),
    ];
    for (name, text) in files {
        fs::write(dir.join(name), text)?;
        let target = Path::new("/etc").join(name);
        if name == "nsswitch.conf" && !target.exists() {
            // Without this file glibc uses the hosts file and the DNS.
            continue;
        }
        let status =
            Command::new("mount").arg("--bind").arg(dir.join(name)).arg(&target).status()?;
        if !status.success() {
            return Err(io::Error::other(format!("cannot mount over {}", target.display())));
        }
    }
    Ok(())
}
