//! Marks of the edition, of corrections, and of collections.

use std::borrow::Cow;

use super::dates::YEARS;
use super::marks::Fact::*;
use super::marks::Strength::*;
use super::marks::{Mark, Row, joins};
use super::tokens::{Token, Tokens, leading_number};
use super::words::{Pairs, Words};

/// Words of the edition and what the scene adds around them.
pub(super) const MARKS: &[Row] = &[
    ("extended", Weak, &[Edition("extended")]),
    ("extendedcut", Strong, &[Edition("extended")]),
    ("extendeddirectors", Strong, &[Edition("extended"), Edition("directors_cut")]),
    ("customextended", Strong, &[Edition("extended")]),
    ("extendededition", Strong, &[Edition("extended")]),
    ("extendededitions", Strong, &[Edition("extended")]),
    ("extendedversion", Strong, &[Edition("extended")]),
    ("versionlongue", Strong, &[Edition("extended")]),
    ("langfassung", Weak, &[Edition("extended")]),
    ("versionextendida", Strong, &[Edition("extended")]),
    ("edizioneestesa", Strong, &[Edition("extended")]),
    ("ungekurzt", Weak, &[Edition("uncut")]),
    ("edicionespecial", Strong, &[Edition("special")]),
    ("editionspeciale", Strong, &[Edition("special")]),
    ("edizionespeciale", Strong, &[Edition("special")]),
    ("uncut", Weak, &[Edition("uncut")]),
    ("unrated", Weak, &[Edition("unrated")]),
    ("uncensored", Weak, &[Edition("uncensored")]),
    ("uncen", Tail, &[Edition("uncensored")]),
    ("ungekuerzt", Weak, &[Edition("uncut")]),
    ("extcut", Strong, &[Edition("extended")]),
    ("remaster", Weak, &[Edition("remastered")]),
    ("remastered", Weak, &[Edition("remastered")]),
    ("4kremastered", Strong, &[Resolution("2160p"), Edition("remastered")]),
    ("rekonstrukcja", Weak, &[Edition("remastered")]),
    ("rekonstrukcjacyfrowa", Strong, &[Edition("remastered")]),
    ("remasterizado", Weak, &[Edition("remastered")]),
    ("remasterizada", Weak, &[Edition("remastered")]),
    ("remasterise", Weak, &[Edition("remastered")]),
    ("remasterisee", Weak, &[Edition("remastered")]),
    ("rimasterizzato", Weak, &[Edition("remastered")]),
    ("restored", Weak, &[Edition("restored")]),
    ("restoration", Tail, &[Edition("restored")]),
    ("4krestored", Strong, &[Resolution("2160p"), Edition("restored")]),
    ("4krestoration", Strong, &[Resolution("2160p"), Edition("restored")]),
    ("directorscut", Strong, &[Edition("directors_cut")]),
    ("directorcut", Strong, &[Edition("directors_cut")]),
    ("directorsedition", Strong, &[Edition("directors_cut")]),
    ("dircut", Strong, &[Edition("directors_cut")]),
    ("dc", Tail, &[Edition("directors_cut")]),
    ("theatrical", Weak, &[Edition("theatrical")]),
    ("theatricalcut", Strong, &[Edition("theatrical")]),
    ("theatricaledition", Strong, &[Edition("theatrical")]),
    ("imax", Weak, &[Edition("imax")]),
    ("imaxedition", Strong, &[Edition("imax")]),
    ("criterion", Weak, &[Edition("criterion")]),
    ("criterioncollection", Strong, &[Edition("criterion")]),
    ("thecriterioncollection", Strong, &[Edition("criterion")]),
    ("criterionedition", Strong, &[Edition("criterion")]),
    ("anniversary", Tail, &[Edition("anniversary")]),
    ("anniversaryedition", Strong, &[Edition("anniversary")]),
    ("specialedition", Strong, &[Edition("special")]),
    ("collectorsedition", Strong, &[Edition("collectors")]),
    ("collectoredition", Strong, &[Edition("collectors")]),
    ("ultimate", Tail, &[Edition("ultimate")]),
    ("ultimateextendededition", Strong, &[Edition("ultimate"), Edition("extended")]),
    ("collectors", Tail, &[Edition("collectors")]),
    ("edition", Tail, &[Noise]),
    ("cut", Tail, &[Noise]),
    ("version", Tail, &[Noise]),
    ("special", Tail, &[Noise]),
    ("ultimateedition", Strong, &[Edition("ultimate")]),
    ("ultimatecut", Strong, &[Edition("ultimate")]),
    ("ultimatecollectorsedition", Strong, &[Edition("ultimate"), Edition("collectors")]),
    ("thefinalcut", Weak, &[Edition("final_cut")]),
    ("finalcut", Weak, &[Edition("final_cut")]),
    ("openmatte", Strong, &[Edition("open_matte")]),
    ("limited", Tail, &[Edition("limited")]),
    ("limitededition", Strong, &[Edition("limited")]),
    ("festival", Tail, &[Edition("festival")]),
    ("deluxeedition", Strong, &[Edition("deluxe")]),
    ("deluxe", Tail, &[Edition("deluxe")]),
    ("fanedit", Strong, &[Edition("fan_edit")]),
    ("despecialized", Strong, &[Edition("despecialized")]),
    ("despecialised", Strong, &[Edition("despecialized")]),
    ("despecializededition", Strong, &[Edition("despecialized")]),
    ("directorsdefinitiveedition", Strong, &[Edition("directors_cut")]),
    ("imaxenhanced", Strong, &[Edition("imax")]),
    ("assemblycut", Strong, &[Edition("assembly_cut")]),
    ("alternativecut", Strong, &[Edition("alternative_cut")]),
    ("alternatecut", Strong, &[Edition("alternative_cut")]),
    ("roguecut", Strong, &[Edition("rogue_cut")]),
    ("theroguecut", Strong, &[Edition("rogue_cut")]),
    ("diamondedition", Strong, &[Edition("diamond")]),
    ("diamond", Tail, &[Edition("diamond")]),
    ("signature", Tail, &[Edition("signature")]),
    ("imperial", Tail, &[Edition("imperial")]),
    ("signatureedition", Strong, &[Edition("signature")]),
    ("imperialedition", Strong, &[Edition("imperial")]),
    ("hybrid", Tail, &[Edition("hybrid")]),
    ("2in1", Strong, &[Edition("2in1")]),
    ("superbit", Strong, &[Edition("superbit")]),
    // Corrections.
    ("proper", Weak, &[Proper, Revised]),
    ("realproper", Strong, &[Proper, Revised]),
    ("real", Tail, &[Revised]),
    ("repack", Strong, &[Repack, Revised]),
    ("repack2", Strong, &[Repack, Revised]),
    ("repack3", Strong, &[Repack, Revised]),
    ("rerip", Strong, &[Repack, Revised]),
    ("internal", Weak, &[Noise]),
    ("readnfo", Strong, &[Noise]),
    ("nfo", Tail, &[Noise]),
    ("convert", Tail, &[Convert]),
    ("retail", Tail, &[Retail]),
    ("untouched", Tail, &[Noise]),
    ("final", Tail, &[Noise]),
    ("subfix", Strong, &[Noise]),
    ("dirfix", Strong, &[Noise]),
    ("nfofix", Strong, &[Noise]),
    ("syncfix", Strong, &[Noise]),
    ("tvmovie", Tail, &[Noise]),
    // Collections.
    ("complete", Weak, &[Complete]),
    ("completetvseries", Strong, &[Complete]),
    ("seriecompleta", Strong, &[Complete]),
    ("laseriecompleta", Strong, &[Complete]),
    ("seriecomplete", Strong, &[Complete]),
    ("fullseason", Strong, &[Noise]),
    ("antologia", Weak, &[Complete]),
    ("entireseries", Strong, &[Complete]),
    ("thewholeseries", Strong, &[Complete]),
    ("seriespack", Strong, &[Complete]),
    ("seriescomplete", Strong, &[Complete]),
    ("seasonscomplete", Strong, &[Complete]),
    ("seasonspack", Strong, &[Complete]),
    ("seasonpack", Strong, &[Noise]),
    ("moviepack", Strong, &[Complete]),
    ("moviespack", Strong, &[Complete]),
    ("colecaocompleta", Strong, &[Complete]),
    ("coleccioncompleta", Strong, &[Complete]),
    ("collezionecompleta", Strong, &[Complete]),
    ("completeseries", Strong, &[Complete]),
    ("thecompleteseries", Strong, &[Complete]),
    ("completecollection", Strong, &[Complete]),
    ("completemovies", Strong, &[Complete]),
    ("completeanthology", Strong, &[Complete]),
    ("completetrilogy", Strong, &[Complete]),
    ("moviescomplete", Strong, &[Complete]),
    ("collectionboxset", Strong, &[Complete]),
    ("dvdboxset", Strong, &[Source("DVD"), Complete]),
    ("completepack", Strong, &[Complete]),
    ("completeset", Strong, &[Complete]),
    ("completefilmography", Strong, &[Complete]),
    ("completesaga", Strong, &[Complete]),
    ("completemoviecollection", Strong, &[Complete]),
    ("moviecollection", Strong, &[Complete]),
    ("moviescollection", Strong, &[Complete]),
    ("ultimatecollection", Strong, &[Complete]),
    ("boxset", Strong, &[Complete]),
    ("batch", Tail, &[Complete]),
    ("completa", Weak, &[Complete]),
    ("completo", Weak, &[Complete]),
    ("temporadacompleta", Strong, &[Complete]),
    ("stagionecompleta", Strong, &[Complete]),
    ("saisoncomplete", Strong, &[Complete]),
    ("komplett", Weak, &[Complete]),
    ("komplette", Weak, &[Complete]),
    ("komplettestaffel", Strong, &[Complete]),
    ("kompletteserie", Strong, &[Complete]),
    ("miniseries", Strong, &[Complete]),
    ("tvminiseries", Strong, &[Complete]),
    ("completeminiseries", Strong, &[Complete]),
    ("thecompleteminiseries", Strong, &[Complete]),
    ("saga", Weak, &[Complete]),
    ("collection", Weak, &[Complete]),
    ("kolekcja", Weak, &[Complete]),
    ("kolekcjafilm", Strong, &[Complete]),
    ("kolekcjafilmy", Strong, &[Complete]),
    ("kolekcjafilmow", Strong, &[Complete]),
    ("integrale", Weak, &[Complete]),
    ("integral", Weak, &[Complete]),
    ("lintegrale", Weak, &[Complete]),
    ("anthology", Weak, &[Complete]),
    ("filmography", Weak, &[Complete]),
    ("colecao", Weak, &[Complete]),
    ("coleccion", Weak, &[Complete]),
    ("collezione", Weak, &[Complete]),
    ("коллекция", Weak, &[Complete]),
    ("антология", Weak, &[Complete]),
    ("дилогия", Weak, &[Complete]),
    ("трилогия", Weak, &[Complete]),
    ("тетралогия", Weak, &[Complete]),
    ("hexology", Weak, &[Complete]),
    ("septology", Weak, &[Complete]),
    ("octalogy", Weak, &[Complete]),
    ("duology", Weak, &[Complete]),
    ("dilogy", Weak, &[Complete]),
    ("trilogy", Weak, &[Complete]),
    ("quadrilogy", Weak, &[Complete]),
    ("quadrology", Weak, &[Complete]),
    ("tetralogy", Weak, &[Complete]),
    ("pentalogy", Weak, &[Complete]),
    ("hexalogy", Weak, &[Complete]),
    ("heptalogy", Weak, &[Complete]),
    ("tetralogia", Weak, &[Complete]),
    ("pentalogia", Weak, &[Complete]),
    ("trilogia", Weak, &[Complete]),
    ("trilogie", Weak, &[Complete]),
    ("pack", Tail, &[Noise]),
    ("extras", Tail, &[Noise]),
    ("specials", Tail, &[Noise]),
    ("movies", Tail, &[Noise]),
    ("movie", Tail, &[Noise]),
    ("fullmovie", Strong, &[Noise]),
    ("commentary", Tail, &[Noise]),
    ("bonus", Tail, &[Noise]),
];

/// Words before [`NOUNS`] and the edition that they make of it.
static QUALIFIERS: Pairs = Pairs::new(&[
    ("extended", "extended"),
    ("uncut", "uncut"),
    ("unrated", "unrated"),
    ("uncensored", "uncensored"),
    ("remaster", "remastered"),
    ("remastered", "remastered"),
    ("restored", "restored"),
    ("director", "directors_cut"),
    ("directors", "directors_cut"),
    ("theatrical", "theatrical"),
    ("imax", "imax"),
    ("criterion", "criterion"),
    ("anniversary", "anniversary"),
    ("anniv", "anniversary"),
    ("special", "special"),
    ("collector", "collectors"),
    ("collectors", "collectors"),
    ("ultimate", "ultimate"),
    ("limited", "limited"),
    ("festival", "festival"),
    ("deluxe", "deluxe"),
    ("assembly", "assembly_cut"),
    ("alternate", "alternative_cut"),
    ("alternative", "alternative_cut"),
    ("rogue", "rogue_cut"),
    ("diamond", "diamond"),
    ("signature", "signature"),
    ("imperial", "imperial"),
    ("superbit", "superbit"),
]);

/// What an edition is called.
static NOUNS: Words = Words::new(&["edition", "editions", "ed", "cut", "version", "release", "ending"]);

/// Most words before the noun: `40th Anniversary Special Extended Edition`.
const MAX_QUALIFIERS: usize = 3;

/// Words of which there may be all: `All 8 Movies`. Seasons with their number are read where numbers are.
static COUNTED: Words = Words::new(&["movies", "films", "episodes", "set", "pack", "series", "seasons"]);

/// `All 8 Movies`, `Full 12 Episodes`, `All Seasons`: everything that there is. `For All Seasons 1966` is a title.
fn everything(tokens: &Tokens<'_>, at: usize) -> Option<Mark> {
    let first = tokens.list.get(at).filter(|first| at > 0 && matches!(first.folded, "all" | "full"))?;
    let count = tokens.list.get(at + 1).filter(|count| joins(count) && count.number(4).is_some());
    let noun_at = at + 1 + usize::from(count.is_some());
    let noun = tokens.list.get(noun_at).filter(|noun| joins(noun) && COUNTED.contains(noun.folded))?;
    let is_season = matches!(noun.folded, "series" | "seasons");
    let next = tokens.list.get(noun_at + 1);
    let before_year = next.and_then(|next| next.number(4)).is_some_and(|year| YEARS.contains(&year));
    if before_year || is_season && count.is_some() {
        return None;
    }
    let span = first.span.start..noun.span.end;
    Some(Mark { tokens: at..noun_at + 1, span, strength: Strong, facts: vec![Complete].into() })
}

/// `Special Extended Edition`, `Unrated Version`, `25th Anniversary Edition`, `40th Anniversary`, `4K Remastered`: words of editions, and what
/// says which one it is.
pub(super) fn read(tokens: &Tokens<'_>, at: usize) -> Option<Mark> {
    if let Some(mark) = everything(tokens, at) {
        return Some(mark);
    }
    let first = tokens.list.get(at)?;
    let follows = |at: usize| tokens.list.get(at).filter(|token| joins(token)).map(bare);
    let next_is = |known: &[&str]| follows(at + 1).is_some_and(|next| known.contains(&&*next));
    let is_opened = match first.folded {
        "digitally" => next_is(&["remaster", "remastered", "restored", "restoration"]),
        "original" => next_is(&["theatrical"]),
        word if first.has_digit => {
            leading_number(word, 3).is_some_and(|(_, rest)| matches!(rest, "st" | "nd" | "rd" | "th"))
                && next_is(&["anniversary", "anniv"])
        }
        _ => false,
    };
    let start = at + usize::from(is_opened);
    let mut facts = Vec::new();
    let mut end = start;
    while end - start < MAX_QUALIFIERS {
        let word = if end == at { Some(bare(first)) } else { follows(end) };
        let Some(edition) = word.and_then(|word| QUALIFIERS.get(&word)) else { break };
        facts.push(Edition(edition));
        end += 1;
    }
    let is_named = !facts.is_empty() && follows(end).is_some_and(|noun| NOUNS.contains(&noun));
    let is_whole = is_opened && !facts.is_empty();
    if !is_named && !is_whole {
        return None;
    }
    let end = end + usize::from(is_named);
    let last = tokens.list.get(end - 1)?;
    // "The 40th Anniversary" may be a title.
    let strength = match facts.as_slice() {
        _ if is_named => Strong,
        [Edition("anniversary")] => Tail,
        _ => Weak,
    };
    Some(Mark { tokens: at..end, span: first.span.start..last.span.end, strength, facts: facts.into() })
}

/// A word without its apostrophe.
fn bare<'t>(token: &Token<'t>) -> Cow<'t, str> {
    if token.has_apostrophe { token.folded.replace(['\'', '’'], "").into() } else { token.folded.into() }
}
