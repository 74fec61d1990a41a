//! What a provider that answers tells of itself.

use std::borrow::Cow;

/// Most troubles that one provider tells of; a Prowlarr of a hundred broken indexers fills no screen.
pub const MAX_TROUBLES: usize = 10;

/// What a provider told when it was asked how it is. One that does not answer, or does not take the key, is an error instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckUp {
    /// What it has, in words that follow "it works: ", such as `3 torrent indexers`; empty where there is nothing to say.
    pub has: String,
    /// What is wrong with it all the same, at most [`MAX_TROUBLES`].
    pub troubles: Vec<Trouble>,
}

/// Something that is wrong with a provider that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trouble {
    /// Nothing can be had from it as it is; otherwise less than should be.
    pub is_failure: bool,
    /// What is wrong, in plain words: `2 of 5 torrent indexers are failing`.
    pub what: Cow<'static, str>,
    /// What exactly, where there is more to say; safe to show.
    pub why: Option<String>,
    /// What a person can do about it.
    pub advice: Cow<'static, str>,
}

impl CheckUp {
    /// All is well.
    #[must_use]
    pub fn well(has: impl Into<String>) -> Self {
        Self { has: has.into(), troubles: Vec::new() }
    }

    /// With a trouble, as long as there are not [`MAX_TROUBLES`].
    #[must_use]
    pub fn with(mut self, trouble: Trouble) -> Self {
        if self.troubles.len() < MAX_TROUBLES {
            self.troubles.push(trouble);
        }
        self
    }
}

impl Trouble {
    /// Nothing can be had from the provider.
    #[must_use]
    pub fn failure(what: impl Into<Cow<'static, str>>, advice: impl Into<Cow<'static, str>>) -> Self {
        Self { is_failure: true, what: what.into(), why: None, advice: advice.into() }
    }

    /// Less can be had than should be.
    #[must_use]
    pub fn warning(what: impl Into<Cow<'static, str>>, advice: impl Into<Cow<'static, str>>) -> Self {
        Self { is_failure: false, ..Self::failure(what, advice) }
    }

    /// What exactly.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a provider with endless troubles tells of some.
    #[test]
    fn troubles_have_a_limit() {
        let check_up = (0..100).fold(CheckUp::well("much"), |all, _| all.with(Trouble::warning("a", "b")));
        assert_eq!(check_up.troubles.len(), MAX_TROUBLES);
    }
}
