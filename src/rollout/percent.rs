//! The share of the accounts that a run brings to enabled.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A share of the accounts, more than 0 and at most 100 percent, in hundredths of a percent.
///
/// ```
/// use keyward::rollout::Percent;
/// assert_eq!("2.5".parse::<Percent>().unwrap().to_string(), "2.5");
/// assert!("0".parse::<Percent>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u16);

impl Percent {
    /// Every account.
    pub const ALL: Self = Self(10_000);

    /// Returns the share in hundredths of a percent, 1 to 10000.
    #[must_use]
    pub fn points(self) -> u16 {
        self.0
    }
}

impl Default for Percent {
    fn default() -> Self {
        Self::ALL
    }
}

impl FromStr for Percent {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let digits = |part: &str| !part.is_empty() && part.len() <= 5 && part.bytes().all(|byte| byte.is_ascii_digit());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let points = (digits(whole) && digits(fraction) && fraction.len() <= 2)
            .then(|| Some(whole.parse::<u32>().ok()? * 100 + format!("{fraction:0<2}").parse::<u32>().ok()?))
            .flatten();
        match points.and_then(|points| u16::try_from(points).ok()) {
            Some(points @ 1..=10_000) => Ok(Self(points)),
            _ => Err(Error::usage(format!("{text:?} is no percentage"))
                .with_hint("a percentage is more than 0 and at most 100, with two decimals at most, such as 5 or 0.25")),
        }
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, part) if part % 10 == 0 => write!(f, "{whole}.{}", part / 10),
            (whole, part) => write!(f, "{whole}.{part:02}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_share_survives_being_written_and_read() {
        for points in 1..=10_000 {
            assert_eq!(Percent(points).to_string().parse::<Percent>().unwrap(), Percent(points));
        }
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for bad in ["", "0", "0.00", "100.01", "-1", "1.234", "1.", ".5", "5%", "NaN", "1e1", "70000", "+5", "999999999999"] {
            assert!(bad.parse::<Percent>().is_err(), "{bad}");
        }
    }
}
