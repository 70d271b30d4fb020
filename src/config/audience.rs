//! To whom a login may be sent. The record of a cluster names addresses, and whoever can write it, or answers in its place,
//! chooses them: what the configuration names is the operator's choice, what is learnt is not.

use std::net::IpAddr;

/// A range of addresses, such as `10.20.0.0/16`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads `address/prefix`, or an address alone.
    ///
    /// # Errors
    /// What is wrong with it, and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refuse = |why: &str| {
            format!("`{text}` {why}; use a network such as \"10.20.0.0/16\" or \"fd00:1::/64\", or one address")
        };
        let (address, prefix) = match text.trim().split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text.trim(), None),
        };
        let base: IpAddr = address.parse().map_err(|_| refuse("is not a network"))?;
        let longest = if base.is_ipv4() { 32 } else { 128 };
        let digits = |prefix: &str| !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = match prefix {
            None => longest,
            Some(prefix) => prefix
                .parse()
                .ok()
                .filter(|length| digits(prefix) && *length <= longest)
                .ok_or_else(|| refuse("has an invalid prefix length"))?,
        };
        let network = Self { base, prefix };
        if masked(base, prefix) != bits(base) {
            return Err(refuse("has host bits set"));
        }
        Ok(network)
    }

    /// Whether `address` is in it. An IPv4 address in the clothes of an IPv6 one counts as what it is.
    pub fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.base.is_ipv4() && masked(address, self.prefix) == bits(self.base)
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

/// The bits of an address, those of an IPv4 one at the upper end.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn masked(address: IpAddr, prefix: u8) -> u128 {
    let keep = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    bits(address) & keep
}

/// How an address came to be known, which decides what is sent to it without proof of who answers there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Audience {
    /// The configuration names the host.
    #[default]
    Named,
    /// The record names it, and the configuration says which networks the cluster's hosts are in: elsewhere no login goes.
    Within(Vec<Network>),
    /// The record names it, and nothing says where the cluster's hosts are: no password goes there in a form that whoever
    /// answers could use.
    Learnt,
}

/// Where an address stands, the most trusted first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AddressTrust {
    /// The operator vouches for it, or it is this host.
    Vouched,
    /// Nobody vouches for it: only what proves itself is trusted.
    Unknown,
    /// It is outside the networks that the operator allows: nothing that logs in goes there.
    Outside,
}

impl Audience {
    /// Where `address` stands.
    pub fn trust_of(&self, address: IpAddr) -> AddressTrust {
        if address.to_canonical().is_loopback() {
            return AddressTrust::Vouched;
        }
        match self {
            Self::Named => AddressTrust::Vouched,
            Self::Within(networks) if networks.iter().any(|network| network.holds(address)) => AddressTrust::Vouched,
            Self::Within(_) => AddressTrust::Outside,
            Self::Learnt => AddressTrust::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("10.20.0.0/16", "10.20.255.1", true)]
    #[case("10.20.0.0/16", "10.21.0.1", false)]
    #[case("10.20.0.0/16", "::ffff:10.20.3.4", true)]
    #[case("10.20.30.40", "10.20.30.40", true)]
    #[case("10.20.30.40", "10.20.30.41", false)]
    #[case("0.0.0.0/0", "203.0.113.9", true)]
    #[case("0.0.0.0/0", "2001:db8::1", false)]
    #[case("fd00:1::/64", "fd00:1::17", true)]
    #[case("fd00:1::/64", "fd00:1:0:1::17", false)]
    #[case("::/0", "2001:db8::1", true)]
    fn a_network_holds_its_own_addresses(#[case] network: &str, #[case] address: &str, #[case] held: bool) {
        let network = Network::parse(network).expect("a network");
        assert_eq!(network.holds(address.parse().expect("an address")), held);
    }

    #[rstest]
    #[case("10.20.0.0/33")]
    #[case("10.20.0.0/+8")]
    #[case("10.20.0.0/")]
    #[case("10.20.0.1/16")]
    #[case("db.internal")]
    #[case("")]
    fn what_is_no_network_is_refused_with_what_would_be(#[case] text: &str) {
        assert!(Network::parse(text).unwrap_err().contains("10.20.0.0/16"));
    }

    #[test]
    fn an_address_that_the_record_names_is_vouched_for_by_a_network_or_by_nobody() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let within = Audience::Within(vec![Network::parse("10.0.0.0/24").expect("a network")]);
        assert_eq!(within.trust_of(address("10.0.0.7")), AddressTrust::Vouched);
        assert_eq!(within.trust_of(address("10.0.1.7")), AddressTrust::Outside);
        assert_eq!(Audience::Learnt.trust_of(address("10.0.0.7")), AddressTrust::Unknown);
        assert_eq!(Audience::Named.trust_of(address("10.0.0.7")), AddressTrust::Vouched);
        for audience in [within, Audience::Learnt] {
            assert_eq!(audience.trust_of(address("127.0.0.9")), AddressTrust::Vouched, "this host");
            assert_eq!(audience.trust_of(address("::1")), AddressTrust::Vouched);
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same(base in any::<u32>(), prefix in 0u8..=32) {
            let keep = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            let text = format!("{}/{prefix}", std::net::Ipv4Addr::from_bits(base & keep));
            prop_assert_eq!(Network::parse(&text).expect("a network").to_string(), text);
        }
    }
}
