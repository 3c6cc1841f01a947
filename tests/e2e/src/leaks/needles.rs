//! The search itself: thousands of needles at once, in one pass over the octets.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::canary::{Canary, PIECE_OCTETS, forms};
use super::{Piece, Place};

/// Bits of the filter before the table: with some ten thousand needles, hardly a chance octet passes.
const FILTER_BITS: u32 = 24;

/// How much is shown around what was found.
const AROUND: usize = 60;

/// All forms of all canaries.
pub struct Needles {
    canaries: Vec<Canary>,
    needles: Vec<Needle>,
    /// Needles by their first eight octets.
    by_start: HashMap<u64, Vec<usize>>,
    filter: Vec<u64>,
}

struct Needle {
    canary: usize,
    form: &'static str,
    octets: Vec<u8>,
}

/// Something that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Where.
    pub place: Place,
    /// What it is called.
    pub what: String,
    /// How it was written.
    pub form: &'static str,
    /// Where exactly, with what is around it.
    pub context: String,
}

/// What a search came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Pieces that were searched, by place.
    pub searched: BTreeMap<Place, usize>,
    /// What was where it must not be.
    pub hits: Vec<Hit>,
}

impl Report {
    /// What was found in one place, a line each.
    #[must_use]
    pub fn of(&self, place: Place) -> Vec<String> {
        let hits = self.hits.iter().filter(|hit| hit.place == place);
        hits.map(|hit| format!("{} ({}) in {}", hit.what, hit.form, hit.context))
            .collect()
    }
}

impl Needles {
    /// Makes ready to search for these.
    #[must_use]
    pub fn new(canaries: Vec<Canary>) -> Self {
        let mut this = Self {
            canaries,
            needles: Vec::new(),
            by_start: HashMap::new(),
            filter: vec![0; (1 << FILTER_BITS) / 64],
        };
        let mut known = HashSet::new();
        for (number, canary) in this.canaries.iter().enumerate() {
            for (form, octets) in forms(&canary.piece) {
                if !known.insert((octets.clone(), canary.kind)) {
                    continue;
                }
                let start = octets[..PIECE_OCTETS].iter().fold(0, push);
                let (word, bit) = slot(start);
                this.filter[word] |= bit;
                let index = this.needles.len();
                this.by_start.entry(start).or_default().push(index);
                this.needles.push(Needle {
                    canary: number,
                    form,
                    octets,
                });
            }
        }
        this
    }

    /// What is searched for.
    #[must_use]
    pub fn canaries(&self) -> &[Canary] {
        &self.canaries
    }

    /// Searches all pieces for what may not be there.
    #[must_use]
    pub fn search(&self, pieces: &[Piece]) -> Report {
        let mut report = Report::default();
        for piece in pieces {
            *report.searched.entry(piece.place).or_default() += 1;
            self.search_one(piece, &mut report.hits);
        }
        report
    }

    fn search_one(&self, piece: &Piece, hits: &mut Vec<Hit>) {
        let octets = piece.octets.as_slice();
        let mut found = HashSet::new();
        let mut window = 0;
        for (last, octet) in octets.iter().enumerate() {
            window = push(window, octet);
            let (word, bit) = slot(window);
            if self.filter[word] & bit == 0 || last + 1 < PIECE_OCTETS {
                continue;
            }
            let at = last + 1 - PIECE_OCTETS;
            for &index in self.by_start.get(&window).into_iter().flatten() {
                let needle = &self.needles[index];
                let canary = &self.canaries[needle.canary];
                if octets[at..].starts_with(&needle.octets)
                    && !piece.place.may_hold(canary.kind)
                    && found.insert(index)
                {
                    let around = &octets[at.saturating_sub(AROUND)..octets.len().min(at + AROUND)];
                    hits.push(Hit {
                        place: piece.place,
                        what: canary.what.clone(),
                        form: needle.form,
                        context: format!("{}: {:?}", piece.label, String::from_utf8_lossy(around)),
                    });
                }
            }
        }
    }
}

fn push(window: u64, octet: &u8) -> u64 {
    (window << 8) | u64::from(*octet)
}

/// Word and bit of the filter.
fn slot(window: u64) -> (usize, u64) {
    let hash = window.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FILTER_BITS);
    (hash as usize / 64, 1 << (hash % 64))
}
