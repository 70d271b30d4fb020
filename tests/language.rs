//! One language for everything a user can read: the standard words of PostgreSQL, Patroni, HAProxy and etcd, as
//! `docs/glossary.md` has them. Every string literal of the program is read, also inside macros and in the help of the
//! command line, and a word that the glossary replaces is named with file and line.

#[path = "language/literals.rs"]
mod literals;
#[path = "language/words.rs"]
mod words;

use std::path::Path;

#[test]
fn no_text_of_the_program_uses_a_word_that_the_glossary_replaces() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let literals = literals::of_the_program(&root).expect("the sources can be read");
    assert!(literals.len() > 5_000, "only {} literals were found", literals.len());
    let mut used = vec![false; words::EXCEPTIONS.len()];
    let mut found = Vec::new();
    for literal in &literals {
        for (phrase, instead) in words::in_text(&literal.text) {
            let excused = words::EXCEPTIONS.iter().position(|exception| exception.covers(literal, phrase));
            match excused {
                Some(at) => used[at] = true,
                None => found.push(format!(
                    "src/{}:{}: `{phrase}`, say {instead}: {:?}",
                    literal.file, literal.line, literal.text
                )),
            }
        }
    }
    assert!(found.is_empty(), "{} texts:\n{}", found.len(), found.join("\n"));
    let idle: Vec<&str> =
        words::EXCEPTIONS.iter().zip(used).filter(|(_, used)| !used).map(|(exception, _)| exception.text).collect();
    assert!(idle.is_empty(), "exceptions that excuse nothing: {idle:?}");
}

#[test]
fn literals_are_found_in_macros_errors_and_help_and_not_in_tests_or_comments() {
    let source = r#"
        /// Not a text of the program.
        #[derive(Args)]
        struct Options {
            /// Help of a flag.
            #[arg(long, value_name = "NAME")]
            flag: bool,
        }
        #[derive(Error)]
        enum Failure {
            /// Not shown either.
            #[error("an error of {0}")]
            Of(String),
        }
        roles! {
            /// A comment inside a macro.
            Text => "text",
        }
        fn say() {
            println!("in a macro: {}", format!("inside {}", call("an argument")));
        }
        #[cfg(test)]
        mod tests {
            const TEXT: &str = "a text of a test";
        }
    "#;
    let found = literals::of_text("some.rs", source).expect("Rust");
    let texts: Vec<&str> = found.iter().map(|literal| literal.text.as_str()).collect();
    assert_eq!(
        texts,
        ["Help of a flag.", "NAME", "an error of {0}", "text", "in a macro: {}", "inside {}", "an argument"]
    );
    assert_eq!(found[4].line, 20);
}

#[test]
fn a_phrase_is_found_as_whole_words_and_placeholders_are_none() {
    let found = |text: &str| words::in_text(text).map(|(phrase, _)| phrase).collect::<Vec<_>>();
    assert_eq!(found("the backend leads to pg-1"), ["leads"]);
    assert_eq!(found("{leads} misleads nobody"), ["nobody"]);
    assert_eq!(found("pg-1 Takes Writes"), ["takes writes"]);
    assert_eq!(found("node-silent"), [""; 0], "a code is no text");
    assert_eq!(found("MOST"), ["MOST"]);
    assert_eq!(found("most rows"), [""; 0]);
}
