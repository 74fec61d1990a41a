//! Marks of languages: names, codes, and words for dubbing and subtitles.

use super::marks::Fact::{self, *};
use super::marks::Strength::{self, *};
use super::marks::{Mark, Row, look_up};
use super::tokens::Tokens;
use super::words::Pairs;

/// Words of languages. Codes: ISO 639-2, both forms. Names: English, and the language's own or a neighbour's where releases use it.
#[rustfmt::skip]
pub(super) const MARKS: &[Row] = &[
    ("english", Weak, &[Language("en")]),
    ("ingles", Weak, &[Language("en")]),
    ("inglese", Weak, &[Language("en")]),
    ("anglais", Weak, &[Language("en")]),
    ("englisch", Weak, &[Language("en")]),
    ("engelsk", Weak, &[Language("en")]),
    ("inglesa", Weak, &[Language("en")]),
    ("ingls", Weak, &[Language("en")]),
    ("englis", Weak, &[Language("en")]),
    ("eng", Tail, &[Language("en")]),
    ("engl", Tail, &[Language("en")]),
    ("englishhi", Strong, &[Language("en"), Subtitle("en"), Subbed]),
    ("englishsdh", Strong, &[Language("en"), Subtitle("en"), Subbed]),
    ("french", Weak, &[Language("fr")]),
    ("francais", Weak, &[Language("fr")]),
    ("francaise", Weak, &[Language("fr")]),
    ("frances", Weak, &[Language("fr")]),
    ("francese", Weak, &[Language("fr")]),
    ("franzosisch", Weak, &[Language("fr")]),
    ("truefrench", Strong, &[Language("fr")]),
    ("vff", Strong, &[Language("fr")]),
    ("frvff", Strong, &[Language("fr")]),
    ("vfb", Tail, &[Language("fr")]),
    ("vfq", Strong, &[Language("fr")]),
    ("vfi", Strong, &[Language("fr")]),
    ("vf2", Weak, &[Language("fr")]),
    ("vof", Strong, &[Language("fr")]),
    ("vf", Tail, &[Language("fr")]),
    ("fansubfr", Weak, &[Language("fr")]),
    ("subfrench", Strong, &[Language("fr"), Subtitle("fr"), Subbed]),
    ("fre", Tail, &[Language("fr")]),
    ("fra", Tail, &[Language("fr")]),
    ("spanish", Weak, &[Language("es")]),
    ("espanol", Weak, &[Language("es")]),
    ("espanola", Weak, &[Language("es")]),
    ("castellano", Strong, &[Language("es")]),
    ("latino", Weak, &[Language("es")]),
    ("latin", Tail, &[Language("es")]),
    ("espanhol", Weak, &[Language("es")]),
    ("spagnolo", Weak, &[Language("es")]),
    ("esp", Tail, &[Language("es")]),
    ("lat", Tail, &[Language("es")]),
    ("spa", Tail, &[Language("es")]),
    ("lati", Tail, &[Language("es")]),
    ("latam", Tail, &[Language("es")]),
    ("italian", Weak, &[Language("it")]),
    ("italiano", Weak, &[Language("it")]),
    ("italien", Weak, &[Language("it")]),
    ("italienisch", Weak, &[Language("it")]),
    ("ita", Tail, &[Language("it")]),
    ("german", Weak, &[Language("de")]),
    ("deutsch", Weak, &[Language("de")]),
    ("allemand", Weak, &[Language("de")]),
    ("aleman", Weak, &[Language("de")]),
    ("alemao", Weak, &[Language("de")]),
    ("tedesco", Weak, &[Language("de")]),
    ("ger", Tail, &[Language("de")]),
    ("deu", Tail, &[Language("de")]),
    ("portuguese", Weak, &[Language("pt")]),
    ("portugues", Weak, &[Language("pt")]),
    ("portugese", Weak, &[Language("pt")]),
    ("portuguesa", Weak, &[Language("pt")]),
    ("brazilian", Weak, &[Language("pt")]),
    ("brasileiro", Weak, &[Language("pt")]),
    ("dublado", Strong, &[Language("pt"), Dubbed]),
    ("dobrado", Weak, &[Language("pt"), Dubbed]),
    ("legendado", Strong, &[Language("pt"), Subtitle("pt"), Subbed]),
    ("ptbr", Strong, &[Language("pt")]),
    ("por", Tail, &[Language("pt")]),
    ("pob", Tail, &[Language("pt")]),
    ("port", Tail, &[Language("pt")]),
    ("portbr", Tail, &[Language("pt")]),
    ("russian", Weak, &[Language("ru")]),
    ("russo", Weak, &[Language("ru")]),
    ("ruso", Weak, &[Language("ru")]),
    ("russe", Weak, &[Language("ru")]),
    ("russkij", Weak, &[Language("ru")]),
    ("rus", Tail, &[Language("ru")]),
    ("ukrainian", Weak, &[Language("uk")]),
    ("ukrainskij", Weak, &[Language("uk")]),
    ("ukr", Tail, &[Language("uk")]),
    ("polish", Weak, &[Language("pl")]),
    ("polonais", Weak, &[Language("pl")]),
    ("polaco", Weak, &[Language("pl")]),
    ("polones", Weak, &[Language("pl")]),
    ("polski", Weak, &[Language("pl")]),
    ("lektor", Weak, &[Language("pl")]),
    ("napisy", Weak, &[Language("pl"), Subtitle("pl"), Subbed]),
    ("lekpl", Weak, &[Language("pl")]),
    ("pol", Tail, &[Language("pl")]),
    ("czech", Weak, &[Language("cs")]),
    ("cesky", Weak, &[Language("cs")]),
    ("cze", Tail, &[Language("cs")]),
    ("czh", Tail, &[Language("cs")]),
    ("ces", Tail, &[Language("cs")]),
    ("slovak", Weak, &[Language("sk")]),
    ("slovakian", Weak, &[Language("sk")]),
    ("slovensky", Weak, &[Language("sk")]),
    ("slo", Tail, &[Language("sk")]),
    ("slk", Tail, &[Language("sk")]),
    ("hungarian", Weak, &[Language("hu")]),
    ("magyar", Weak, &[Language("hu")]),
    ("hun", Tail, &[Language("hu")]),
    ("romanian", Weak, &[Language("ro")]),
    ("rum", Tail, &[Language("ro")]),
    ("ron", Tail, &[Language("ro")]),
    ("rom", Tail, &[Language("ro")]),
    ("bulgarian", Weak, &[Language("bg")]),
    ("bul", Tail, &[Language("bg")]),
    ("serbian", Weak, &[Language("sr")]),
    ("srb", Tail, &[Language("sr")]),
    ("srp", Tail, &[Language("sr")]),
    ("croatian", Weak, &[Language("hr")]),
    ("hrvatski", Weak, &[Language("hr")]),
    ("hrv", Tail, &[Language("hr")]),
    ("slovenian", Weak, &[Language("sl")]),
    ("slv", Tail, &[Language("sl")]),
    ("greek", Weak, &[Language("el")]),
    ("gre", Tail, &[Language("el")]),
    ("ell", Tail, &[Language("el")]),
    ("turkish", Weak, &[Language("tr")]),
    ("turkce", Weak, &[Language("tr")]),
    ("turco", Weak, &[Language("tr")]),
    ("tur", Tail, &[Language("tr")]),
    ("arabic", Weak, &[Language("ar")]),
    ("arab", Weak, &[Language("ar")]),
    ("arabe", Weak, &[Language("ar")]),
    ("ara", Tail, &[Language("ar")]),
    ("hebrew", Weak, &[Language("he")]),
    ("hebraico", Weak, &[Language("he")]),
    ("hebreu", Weak, &[Language("he")]),
    ("heb", Tail, &[Language("he")]),
    ("persian", Weak, &[Language("fa")]),
    ("farsi", Weak, &[Language("fa")]),
    ("persa", Weak, &[Language("fa")]),
    ("per", Tail, &[Language("fa")]),
    ("fas", Tail, &[Language("fa")]),
    ("hindi", Weak, &[Language("hi")]),
    ("hin", Tail, &[Language("hi")]),
    ("tamil", Weak, &[Language("ta")]),
    ("tam", Tail, &[Language("ta")]),
    ("telugu", Weak, &[Language("te")]),
    ("tel", Tail, &[Language("te")]),
    ("kannada", Weak, &[Language("kn")]),
    ("kan", Tail, &[Language("kn")]),
    ("malayalam", Weak, &[Language("ml")]),
    ("mal", Tail, &[Language("ml")]),
    ("bengali", Weak, &[Language("bn")]),
    ("bangla", Weak, &[Language("bn")]),
    ("ben", Tail, &[Language("bn")]),
    ("marathi", Weak, &[Language("mr")]),
    ("mar", Tail, &[Language("mr")]),
    ("punjabi", Weak, &[Language("pa")]),
    ("pun", Tail, &[Language("pa")]),
    ("gujarati", Weak, &[Language("gu")]),
    ("guj", Tail, &[Language("gu")]),
    ("urdu", Weak, &[Language("ur")]),
    ("chinese", Weak, &[Language("zh")]),
    ("mandarin", Weak, &[Language("zh")]),
    ("cantonese", Weak, &[Language("zh")]),
    ("chines", Weak, &[Language("zh")]),
    ("chino", Weak, &[Language("zh")]),
    ("chinois", Weak, &[Language("zh")]),
    ("taiwanese", Weak, &[Language("zh")]),
    ("chi", Tail, &[Language("zh")]),
    ("zho", Tail, &[Language("zh")]),
    ("chn", Tail, &[Language("zh")]),
    ("cht", Tail, &[Language("zh")]),
    ("chs", Tail, &[Language("zh")]),
    ("japanese", Weak, &[Language("ja")]),
    ("japones", Weak, &[Language("ja")]),
    ("japonais", Weak, &[Language("ja")]),
    ("giapponese", Weak, &[Language("ja")]),
    ("jpn", Tail, &[Language("ja")]),
    ("jap", Tail, &[Language("ja")]),
    ("korean", Weak, &[Language("ko")]),
    ("coreano", Weak, &[Language("ko")]),
    ("coreen", Weak, &[Language("ko")]),
    ("kor", Tail, &[Language("ko")]),
    ("thai", Weak, &[Language("th")]),
    ("tailandes", Weak, &[Language("th")]),
    ("tha", Tail, &[Language("th")]),
    ("vietnamese", Weak, &[Language("vi")]),
    ("vietsub", Weak, &[Language("vi"), Subtitle("vi"), Subbed]),
    ("vie", Tail, &[Language("vi")]),
    ("indonesian", Weak, &[Language("id")]),
    ("ind", Tail, &[Language("id")]),
    ("malay", Weak, &[Language("ms")]),
    ("may", Tail, &[Language("ms")]),
    ("msa", Tail, &[Language("ms")]),
    ("dutch", Weak, &[Language("nl")]),
    ("nederlands", Weak, &[Language("nl")]),
    ("flemish", Weak, &[Language("nl")]),
    ("holandes", Weak, &[Language("nl")]),
    ("olandese", Weak, &[Language("nl")]),
    ("vlaams", Weak, &[Language("nl")]),
    ("dut", Tail, &[Language("nl")]),
    ("nld", Tail, &[Language("nl")]),
    ("danish", Weak, &[Language("da")]),
    ("dansk", Weak, &[Language("da")]),
    ("danska", Weak, &[Language("da")]),
    ("dinamarques", Weak, &[Language("da")]),
    ("danois", Weak, &[Language("da")]),
    ("dan", Tail, &[Language("da")]),
    ("swedish", Weak, &[Language("sv")]),
    ("svensk", Weak, &[Language("sv")]),
    ("svenska", Weak, &[Language("sv")]),
    ("sueco", Weak, &[Language("sv")]),
    ("suedois", Weak, &[Language("sv")]),
    ("swe", Tail, &[Language("sv")]),
    ("norwegian", Weak, &[Language("no")]),
    ("norsk", Weak, &[Language("no")]),
    ("norska", Weak, &[Language("no")]),
    ("noruegues", Weak, &[Language("no")]),
    ("bokmal", Weak, &[Language("no")]),
    ("nynorsk", Weak, &[Language("no")]),
    ("nor", Tail, &[Language("no")]),
    ("nob", Tail, &[Language("no")]),
    ("finnish", Weak, &[Language("fi")]),
    ("suomi", Weak, &[Language("fi")]),
    ("finsk", Weak, &[Language("fi")]),
    ("finska", Weak, &[Language("fi")]),
    ("finlandes", Weak, &[Language("fi")]),
    ("fin", Tail, &[Language("fi")]),
    ("icelandic", Weak, &[Language("is")]),
    ("ice", Tail, &[Language("is")]),
    ("isl", Tail, &[Language("is")]),
    ("estonian", Weak, &[Language("et")]),
    ("est", Tail, &[Language("et")]),
    ("latvian", Weak, &[Language("lv")]),
    ("lav", Tail, &[Language("lv")]),
    ("lithuanian", Weak, &[Language("lt")]),
    ("lit", Tail, &[Language("lt")]),
    ("catalan", Weak, &[Language("ca")]),
    ("tagalog", Weak, &[Language("tl")]),
    ("filipino", Weak, &[Language("tl")]),
    ("basque", Weak, &[Language("eu")]),
    ("galician", Weak, &[Language("gl")]),
    ("nordic", Weak, &[Language("da"), Language("fi"), Language("no"), Language("sv")]),
    ("nordicsub", Strong, &[Language("da"), Language("fi"), Language("no"), Language("sv"), Subbed]),
    ("nordicsubs", Strong, &[Language("da"), Language("fi"), Language("no"), Language("sv"), Subbed]),
    ("nordicsubbed", Strong, &[Language("da"), Language("fi"), Language("no"), Language("sv"), Subbed]),
    ("norske", Weak, &[Language("no")]),
    ("danske", Weak, &[Language("da")]),
    ("svenskt", Weak, &[Language("sv")]),
    ("deutsche", Weak, &[Language("de")]),
    ("deutscher", Weak, &[Language("de")]),
    ("romana", Tail, &[Language("ro")]),
    ("indo", Tail, &[Language("id")]),
    ("indonesia", Tail, &[Language("id")]),
    ("catala", Weak, &[Language("ca")]),
    ("euskera", Weak, &[Language("eu")]),
    ("euskara", Weak, &[Language("eu")]),
    ("gallego", Weak, &[Language("gl")]),
    ("galego", Weak, &[Language("gl")]),
    ("quebecois", Weak, &[Language("fr")]),
    ("spala", Tail, &[Language("es")]),
    ("jpsc", Tail, &[Language("ja"), Language("zh")]),
    ("jptc", Tail, &[Language("ja"), Language("zh")]),
    ("albanian", Weak, &[Language("sq")]),
    ("macedonian", Weak, &[Language("mk")]),
    ("bosnian", Weak, &[Language("bs")]),
    ("georgian", Weak, &[Language("ka")]),
    ("armenian", Weak, &[Language("hy")]),
    ("azerbaijani", Weak, &[Language("az")]),
    ("kazakh", Weak, &[Language("kk")]),
    ("mongolian", Weak, &[Language("mn")]),
    ("nepali", Weak, &[Language("ne")]),
    ("sinhala", Weak, &[Language("si")]),
    ("welsh", Weak, &[Language("cy")]),
    ("swahili", Weak, &[Language("sw")]),
    ("afrikaans", Weak, &[Language("af")]),
    ("language", Tail, &[Noise]),
    ("latinamerican", Weak, &[Language("es")]),
    ("latinamerica", Weak, &[Language("es")]),
    ("spanishlatinamerica", Weak, &[Language("es")]),
    ("spanishlatin", Weak, &[Language("es")]),
    ("americanspanish", Weak, &[Language("es")]),
    ("americanspa", Tail, &[Language("es")]),
    ("americanesp", Tail, &[Language("es")]),
    ("espanoldeespana", Strong, &[Language("es")]),
    ("portuguesebrazil", Weak, &[Language("pt")]),
    ("brazilianportuguese", Weak, &[Language("pt")]),
    ("brazilianpt", Weak, &[Language("pt")]),
    ("brazilianpor", Tail, &[Language("pt")]),
    ("brazilpt", Tail, &[Language("pt")]),
    ("brazilpor", Tail, &[Language("pt")]),
    ("brapor", Tail, &[Language("pt")]),
    ("chinesetraditional", Weak, &[Language("zh")]),
    ("chinesesimplified", Weak, &[Language("zh")]),
    ("traditionalchinese", Weak, &[Language("zh")]),
    ("simplifiedchinese", Weak, &[Language("zh")]),
    ("zhtw", Strong, &[Language("zh")]),
    ("zhcn", Strong, &[Language("zh")]),
    ("zhhk", Strong, &[Language("zh")]),
    ("zhhant", Weak, &[Language("zh")]),
    ("zhhans", Weak, &[Language("zh")]),
    ("canadianfrench", Weak, &[Language("fr")]),
    ("frenchcanadian", Weak, &[Language("fr")]),
    ("europeanspanish", Weak, &[Language("es")]),
    ("gb", Tail, &[Language("zh")]),
    ("big5", Tail, &[Language("zh")]),
    // Voice-over of Russian releases, by the number of voices.
    ("дубляж", Tail, &[Language("ru"), Dubbed]),
    ("mvo", Tail, &[Language("ru"), Dubbed]),
    ("dvo", Tail, &[Language("ru"), Dubbed]),
    ("avo", Tail, &[Language("ru"), Dubbed]),
    ("vo", Tail, &[Noise]),
    // Several languages.
    ("multi", Weak, &[MultiAudio, Dubbed]),
    ("multivf2", Strong, &[MultiAudio, Dubbed, Language("fr")]),
    ("multivff", Strong, &[MultiAudio, Dubbed, Language("fr")]),
    ("multivfq", Strong, &[MultiAudio, Dubbed, Language("fr")]),
    ("multivfi", Strong, &[MultiAudio, Dubbed, Language("fr")]),
    ("multiaudio", Strong, &[MultiAudio, Dubbed]),
    ("multilingual", Weak, &[MultiAudio, Dubbed]),
    ("multilang", Strong, &[MultiAudio, Dubbed]),
    ("multilanguage", Strong, &[MultiAudio, Dubbed]),
    ("multidub", Strong, &[MultiAudio, Dubbed]),
    ("dual", Tail, &[MultiAudio, Dubbed]),
    ("dualaudio", Strong, &[MultiAudio, Dubbed]),
    ("dualaudios", Strong, &[MultiAudio, Dubbed]),
    ("duala", Tail, &[MultiAudio, Dubbed]),
    ("dl", Tail, &[MultiAudio]),
    ("triaudio", Strong, &[MultiAudio, Dubbed]),
    ("tripleaudio", Strong, &[MultiAudio, Dubbed]),
    ("tridub", Strong, &[MultiAudio, Dubbed]),
    ("tripledub", Strong, &[MultiAudio, Dubbed]),
    ("multipleaudio", Strong, &[MultiAudio, Dubbed]),
    ("multiplelanguages", Strong, &[MultiAudio, Dubbed]),
    ("multilanguages", Strong, &[MultiAudio, Dubbed]),
    ("quadaudio", Strong, &[MultiAudio, Dubbed]),
    ("multisub", Strong, &[MultiSubs, Subbed]),
    ("multisubs", Strong, &[MultiSubs, Subbed]),
    ("multisubtitle", Strong, &[MultiSubs, Subbed]),
    ("multisubtitles", Strong, &[MultiSubs, Subbed]),
    ("multiplesubtitle", Strong, &[MultiSubs, Subbed]),
    ("multiplesubtitles", Strong, &[MultiSubs, Subbed]),
    ("multisu", Tail, &[MultiSubs, Subbed]),
    ("multis", Tail, &[MultiSubs, Subbed]),
    ("msub", Strong, &[MultiSubs, Subbed]),
    ("msubs", Strong, &[MultiSubs, Subbed]),
    ("dualsubs", Strong, &[Subbed]),
    ("dualsub", Strong, &[Subbed]),
    // Dubbing.
    ("dub", Tail, &[Dubbed]),
    ("dubs", Tail, &[Dubbed]),
    ("dubbed", Weak, &[Dubbed]),
    ("dubbing", Tail, &[Dubbed]),
    ("fandub", Strong, &[Dubbed]),
    ("funidub", Strong, &[Dubbed]),
    ("doublage", Weak, &[Dubbed]),
    ("doublé", Weak, &[Dubbed]),
    ("synchro", Weak, &[Dubbed]),
    // Subtitles.
    ("sdh", Tail, &[Subbed]),
    ("forced", Tail, &[Subbed]),
    ("subforced", Strong, &[Subbed]),
    ("dublaj", Tail, &[Language("tr"), Dubbed]),
    ("altyazi", Weak, &[Subbed]),
    ("altyazı", Weak, &[Subbed]),
    ("altyazılı", Weak, &[Language("tr"), Subtitle("tr"), Subbed]),
    ("altyazili", Weak, &[Language("tr"), Subtitle("tr"), Subbed]),
    ("dabing", Tail, &[Language("cs"), Dubbed]),
    ("czdabing", Weak, &[Language("cs"), Dubbed]),
    ("skdabing", Weak, &[Language("sk"), Dubbed]),
    ("slovenskydabing", Weak, &[Language("sk"), Dubbed]),
    ("cztit", Weak, &[Language("cs"), Subtitle("cs"), Subbed]),
    ("sktit", Weak, &[Language("sk"), Subtitle("sk"), Subbed]),
    ("titulky", Weak, &[Subbed]),
    ("titlovi", Weak, &[Subbed]),
    ("prijevod", Tail, &[Subbed]),
    ("untertitel", Weak, &[Subbed]),
    ("undertekster", Weak, &[Subbed]),
    ("ondertiteld", Weak, &[Subbed]),
    ("ondertiteling", Weak, &[Subbed]),
    ("gesproken", Tail, &[Dubbed]),
    ("svenskttal", Strong, &[Language("sv"), Dubbed]),
    ("subtitulada", Weak, &[Language("es"), Subtitle("es"), Subbed]),
    ("subtitulosenespanol", Weak, &[Language("es"), Subtitle("es"), Subbed]),
    ("audioenespanol", Weak, &[Language("es")]),
    ("subtitrat", Weak, &[Language("ro"), Subtitle("ro"), Subbed]),
    ("subtitrare", Weak, &[Language("ro"), Subtitle("ro"), Subbed]),
    ("dublat", Weak, &[Language("ro"), Dubbed]),
    ("subindo", Strong, &[Language("id"), Subtitle("id"), Subbed]),
    ("thuyetminh", Strong, &[Language("vi"), Dubbed]),
    ("longtieng", Strong, &[Language("vi"), Dubbed]),
    ("stfr", Strong, &[Language("fr"), Subtitle("fr"), Subbed]),
    ("vfstfr", Strong, &[Language("fr"), Subtitle("fr"), Subbed]),
    ("bgaudio", Weak, &[Language("bg"), Dubbed]),
    ("nacional", Tail, &[Language("pt"), Dubbed]),
    ("sub", Tail, &[Subbed]),
    ("subs", Tail, &[Subbed]),
    ("subbed", Weak, &[Subbed]),
    ("subtitle", Tail, &[Subbed]),
    ("subtitles", Tail, &[Subbed]),
    ("subtitled", Weak, &[Subbed]),
    ("subtitulado", Weak, &[Language("es"), Subtitle("es"), Subbed]),
    ("subtitulos", Weak, &[Language("es"), Subtitle("es"), Subbed]),
    ("softsub", Strong, &[Subbed]),
    ("softsubs", Strong, &[Subbed]),
    ("legendas", Weak, &[Language("pt"), Subtitle("pt"), Subbed]),
    ("legenda", Weak, &[Language("pt"), Subtitle("pt"), Subbed]),
    ("legendada", Strong, &[Language("pt"), Subtitle("pt"), Subbed]),
    ("leg", Tail, &[Subbed]),
    ("undertekst", Weak, &[Subbed]),
    ("vost", Strong, &[Language("fr"), Subtitle("fr"), Subbed]),
    ("vosta", Strong, &[Language("en"), Subtitle("en"), Subbed]),
    ("vo", Tail, &[Noise]),
    ("vose", Strong, &[Language("es"), Subtitle("es"), Subbed]),
    ("vostfr", Strong, &[Language("fr"), Subtitle("fr"), Subbed]),
    ("vostf", Strong, &[Language("fr"), Subtitle("fr"), Subbed]),
    ("esub", Tail, &[Language("en"), Subtitle("en"), Subbed]),
    ("esubs", Tail, &[Language("en"), Subtitle("en"), Subbed]),
    ("ensubbed", Strong, &[Language("en"), Subtitle("en"), Subbed]),
    ("hardsub", Strong, &[Subbed, Hardcoded]),
    ("hardsubs", Strong, &[Subbed, Hardcoded]),
    ("hardsubbed", Strong, &[Subbed, Hardcoded]),
    ("hardcoded", Strong, &[Hardcoded]),
    ("hc", Tail, &[Hardcoded]),
    ("hcsub", Strong, &[Subbed, Hardcoded]),
    ("hcsubs", Strong, &[Subbed, Hardcoded]),
];

/// Codes of two letters, ISO 639-1 with the ones that scenes use for countries. They count only next to their like or in a bracket of marks.
static SHORT: Pairs = Pairs::new(&[
    ("en", "en"),
    ("ing", "en"),
    ("fr", "fr"),
    ("es", "es"),
    ("sp", "es"),
    ("it", "it"),
    ("de", "de"),
    ("pt", "pt"),
    ("br", "pt"),
    ("port", "pt"),
    ("cast", "es"),
    ("ru", "ru"),
    ("pl", "pl"),
    ("cz", "cs"),
    ("sk", "sk"),
    ("nl", "nl"),
    ("sv", "sv"),
    ("se", "sv"),
    ("da", "da"),
    ("dk", "da"),
    ("no", "no"),
    ("fi", "fi"),
    ("tr", "tr"),
    ("ar", "ar"),
    ("ja", "ja"),
    ("jp", "ja"),
    ("ko", "ko"),
    ("kr", "ko"),
    ("cn", "zh"),
    ("zh", "zh"),
    ("hu", "hu"),
    ("ro", "ro"),
    ("ua", "uk"),
    ("el", "el"),
    ("he", "he"),
    ("hi", "hi"),
    ("vi", "vi"),
    ("th", "th"),
    ("tl", "tl"),
    ("bg", "bg"),
    ("hr", "hr"),
    ("sr", "sr"),
    ("gr", "el"),
    ("lt", "lt"),
    ("lv", "lv"),
]);

/// The language of a code of two letters.
pub(super) fn short_code(text: &str) -> Option<&'static str> {
    SHORT.get(text)
}

/// The language of a name or code of three letters and more, with how sure its mark is.
fn long_code(text: &str) -> Option<(Strength, &'static str)> {
    let (strength, facts) = look_up(text)?;
    facts.iter().find_map(|fact| match fact {
        Language(code) => Some((strength, *code)),
        _ => None,
    })
}

/// What Chinese and Japanese words state; they stand without spaces, so they are looked for within a word.
const IDEOGRAMS: &[([char; 2], &[Fact])] = &[
    (['简', '体'], &[Language("zh"), Subtitle("zh")]),
    (['简', '繁'], &[Language("zh"), Subtitle("zh")]),
    (['简', '中'], &[Language("zh"), Subtitle("zh")]),
    (['简', '日'], &[Language("zh"), Subtitle("zh")]),
    (['简', '英'], &[Language("zh"), Subtitle("zh")]),
    (['繁', '体'], &[Language("zh"), Subtitle("zh")]),
    (['繁', '體'], &[Language("zh"), Subtitle("zh")]),
    (['繁', '中'], &[Language("zh"), Subtitle("zh")]),
    (['簡', '體'], &[Language("zh"), Subtitle("zh")]),
    (['簡', '繁'], &[Language("zh"), Subtitle("zh")]),
    (['中', '字'], &[Language("zh"), Subtitle("zh"), Subbed]),
    (['中', '文'], &[Language("zh")]),
    (['国', '语'], &[Language("zh")]),
    (['國', '語'], &[Language("zh")]),
    (['粤', '语'], &[Language("zh")]),
    (['日', '语'], &[Language("ja")]),
    (['日', '語'], &[Language("ja")]),
    (['新', '番'], &[Noise]),
    (['内', '嵌'], &[Hardcoded]),
    (['字', '幕'], &[Subbed]),
];

/// Signs that words about languages are made of, and the language of each: `简日双语`, `中英字幕`, `日本語吹替`. Those without one tell nothing.
const LANGUAGE_SIGNS: &[(&[char], Option<&str>)] = &[
    (&['中', '国', '简', '繁', '簡', '國', '国', '粤', '粵', '华', '華'], Some("zh")),
    (&['日', '本'], Some("ja")),
    (&['英'], Some("en")),
    (&['韩', '韓'], Some("ko")),
    (&['俄'], Some("ru")),
    (&['法'], Some("fr")),
    (&['德'], Some("de")),
    (&['西'], Some("es")),
    (&['泰'], Some("th")),
    (
        &[
            '语', '語', '文', '字', '幕', '双', '雙', '体', '體', '配', '音', '内', '內', '嵌', '挂', '掛', '外', '封',
            '版', '吹', '替',
        ],
        None,
    ),
];
/// Signs of which at least one makes such a word sure.
const SURE_SIGNS: &[char] = &['语', '語', '文', '字', '双', '雙', '体', '體', '配', '吹'];

/// Every sign of the lists stands behind it: the radicals of Chinese and Japanese begin there.
const FIRST_IDEOGRAM: char = '\u{2e80}';

/// What a word says that holds nothing but signs for languages and how they are given.
fn ideogram_languages(word: &str) -> Vec<Fact> {
    let sign = |letter: char| LANGUAGE_SIGNS.iter().find(|row| row.0.contains(&letter));
    let is_told = word.chars().all(|letter| sign(letter).is_some());
    let languages = || word.chars().filter_map(|letter| sign(letter)?.1);
    let pair = languages().zip(languages().skip(1)).any(|(one, other)| one != other);
    if !is_told || languages().next().is_none() || !(word.contains(SURE_SIGNS) || pair) {
        return Vec::new();
    }
    let is_japanese = word.contains("日本");
    let mut facts: Vec<Fact> = Vec::new();
    for language in languages().filter(|language| !is_japanese || *language != "zh") {
        if !facts.contains(&Language(language)) {
            facts.push(Language(language));
        }
    }
    if word.contains(['幕', '字']) {
        facts.push(Subbed);
    }
    if word.contains(['配', '吹']) {
        facts.push(Dubbed);
    }
    if word.contains(['内', '內']) && word.contains('嵌') {
        facts.push(Hardcoded);
    }
    facts
}

/// Endings and beginnings that turn a language into subtitles or dubbing: `SWESUB`, `PLDUB`, `SubITA`, `NapisyPL`.
const SUBTITLE_ENDINGS: &[&str] = &["subbed", "subs", "sub", "subtitles"];
const SUBTITLE_BEGINNINGS: &[&str] = &["napisy", "subs", "sub", "leg", "nu"];
const DUBBING_ENDINGS: &[&str] = &["dubbed", "dubs", "dub"];
const DUBBING_BEGINNINGS: &[&str] = &["dubbing", "dub", "lektor", "lek"];

/// A bit for each first letter of the beginnings.
const BEGINNINGS: u32 = letters(SUBTITLE_BEGINNINGS, false) | letters(DUBBING_BEGINNINGS, false);
/// A bit for each last letter of the endings.
const ENDINGS: u32 = letters(SUBTITLE_ENDINGS, true) | letters(DUBBING_ENDINGS, true);

/// A bit for each first or last letter of some words.
const fn letters(words: &[&str], last: bool) -> u32 {
    let mut bits = 0;
    let mut at = 0;
    while at < words.len() {
        let word = words[at].as_bytes();
        bits |= 1 << (word[if last { word.len() - 1 } else { 0 }] & 31);
        at += 1;
    }
    bits
}

/// Reads languages within longer words.
pub(super) fn read(tokens: &Tokens<'_>, at: usize) -> Option<Mark> {
    let token = tokens.list.get(at)?;
    let text = token.folded;
    let mark = |strength, facts: Vec<Fact>| {
        Some(Mark { tokens: at..at + 1, span: token.span.clone(), strength, facts: facts.into() })
    };
    if !text.is_ascii() {
        if text.chars().all(|letter| letter < FIRST_IDEOGRAM) {
            return None;
        }
        let told = ideogram_languages(text);
        if !told.is_empty() {
            return mark(Strong, told);
        }
        let signs: Vec<char> = text.chars().collect();
        let stands = |pair: &[char]| signs.windows(2).any(|signs| signs == pair);
        let facts: Vec<Fact> =
            IDEOGRAMS.iter().filter(|row| stands(&row.0)).flat_map(|row| row.1.iter().copied()).collect();
        return if facts.is_empty() { None } else { mark(Strong, facts) };
    }
    // "[01-12+SP]": specials.
    if text == "sp" && token.gap == "+" {
        return None;
    }
    // "(ENG S": subtitles, cut off by the end of the name.
    let is_cut = at + 1 == tokens.list.len() && tokens.tail.is_empty() && matches!(text, "s" | "su");
    let before = at.checked_sub(1).and_then(|before| tokens.list.get(before)).filter(|_| is_cut && token.bracket > 0);
    if before.is_some_and(|before| before.bracket == token.bracket && long_code(before.folded).is_some()) {
        return mark(Tail, vec![Subbed]);
    }
    let code = |part: &str| match part.len() {
        2 => short_code(part),
        3.. => long_code(part).map(|found| found.1),
        _ => None,
    };
    // "nuit", "ptsub": the shortest.
    if text.len() < 4 {
        return short_code(text).and_then(|language| mark(Tail, vec![Language(language)]));
    }
    let (first, last) = (text.as_bytes().first(), text.as_bytes().last());
    let may = |known: u32, byte: Option<&u8>| byte.is_some_and(|byte| known >> (byte & 31) & 1 == 1);
    if !may(BEGINNINGS, first) && !may(ENDINGS, last) {
        return short_code(text).and_then(|language| mark(Tail, vec![Language(language)]));
    }
    for ending in SUBTITLE_ENDINGS.iter().filter(|ending| ending.as_bytes().last() == last) {
        if let Some(language) = text.strip_suffix(ending).and_then(code) {
            return mark(Strong, vec![Language(language), Subtitle(language), Subbed]);
        }
    }
    // "SubES", "NUiTA"; "Nuit", "Legit" and "Dubno" are words.
    let is_code = |rest: &&str| {
        let written = token.text.get(text.len() - rest.len()..).unwrap_or_default();
        rest.len() == 3 || rest.len() == 2 && written.bytes().all(|byte| byte.is_ascii_uppercase())
    };
    for beginning in SUBTITLE_BEGINNINGS.iter().filter(|beginning| beginning.as_bytes().first() == first) {
        if let Some(language) = text.strip_prefix(beginning).filter(is_code).and_then(code) {
            return mark(Weak, vec![Language(language), Subtitle(language), Subbed]);
        }
    }
    for ending in DUBBING_ENDINGS.iter().filter(|ending| ending.as_bytes().last() == last) {
        if let Some(language) = text.strip_suffix(ending).and_then(code) {
            return mark(Strong, vec![Language(language), Dubbed]);
        }
    }
    for beginning in DUBBING_BEGINNINGS.iter().filter(|beginning| beginning.as_bytes().first() == first) {
        if let Some(language) = text.strip_prefix(beginning).filter(is_code).and_then(code) {
            return mark(Strong, vec![Language(language), Dubbed]);
        }
    }
    short_code(text).and_then(|language| mark(Tail, vec![Language(language)]))
}
