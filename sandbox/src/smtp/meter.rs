//! Counting octets, up to where a script ends the connection.

use super::script::How;

/// Counts one flow of octets.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Meter {
    passed: u64,
    cut: Option<(u64, How)>,
}

impl Meter {
    /// Ends the connection behind so many octets, counted from here on, unless it ends earlier.
    pub(crate) fn cut_after(&mut self, cut: Option<(u64, How)>) {
        if let Some((octets, how)) = cut {
            let at = self.passed.saturating_add(octets);
            if self.cut.is_none_or(|(earlier, _)| at < earlier) {
                self.cut = Some((at, how));
            }
        }
    }

    /// How many of `wanted` octets may pass.
    pub(crate) fn room(&self, wanted: usize) -> usize {
        self.cut.map_or(wanted, |(at, _)| {
            usize::try_from(at.saturating_sub(self.passed))
                .unwrap_or(usize::MAX)
                .min(wanted)
        })
    }

    /// Counts octets that passed.
    pub(crate) fn pass(&mut self, octets: usize) {
        self.passed = self.passed.saturating_add(octets as u64);
    }

    /// How to end the connection, if this is where it ends.
    pub(crate) fn met(&self) -> Option<How> {
        self.cut
            .and_then(|(at, how)| (self.passed >= at).then_some(how))
    }
}

#[cfg(test)]
mod tests {
    use super::{How, Meter};

    #[test]
    fn lets_through_exactly_what_it_is_told_to() {
        let mut meter = Meter::default();
        meter.pass(3);
        meter.cut_after(Some((10, How::Fin)));
        meter.cut_after(Some((4, How::Rst)));
        meter.cut_after(Some((6, How::Fin)));
        assert_eq!((meter.room(2), meter.room(9)), (2, 4));
        meter.pass(3);
        assert_eq!((meter.room(9), meter.met()), (1, None));
        meter.pass(1);
        assert_eq!((meter.room(9), meter.met()), (0, Some(How::Rst)));
    }

    #[test]
    fn none_is_never() {
        let mut meter = Meter::default();
        meter.cut_after(None);
        meter.pass(usize::MAX);
        assert_eq!((meter.room(9), meter.met()), (9, None));
    }
}
