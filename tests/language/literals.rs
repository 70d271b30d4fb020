//! The string literals of the program: of every file that is compiled into it, without its tests.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprLit, File, Item, ItemMod, Lit, LitStr, Macro, Meta};

/// One literal.
pub(crate) struct Literal {
    /// File below `src/`, with slashes.
    pub(crate) file: String,
    /// Line, from 1.
    pub(crate) line: usize,
    /// Its text.
    pub(crate) text: String,
}

/// Every literal of the program whose sources are under `root`.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn of_the_program(root: &Path) -> io::Result<Vec<Literal>> {
    let mut found = Vec::new();
    let mut waiting = vec![root.join("lib.rs"), root.join("main.rs")];
    while let Some(path) = waiting.pop() {
        let text = fs::read_to_string(&path)?;
        let file = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        let parsed = parsed(&file, &text)?;
        waiting.extend(modules(&path, &parsed));
        found.extend(collected(&file, &parsed));
    }
    Ok(found)
}

/// The literals of one file.
///
/// # Errors
/// When it is not Rust.
pub(crate) fn of_text(file: &str, text: &str) -> io::Result<Vec<Literal>> {
    Ok(collected(file, &parsed(file, text)?))
}

fn parsed(file: &str, text: &str) -> io::Result<File> {
    syn::parse_file(text).map_err(|error| io::Error::other(format!("{file}: {error}")))
}

fn collected(file: &str, parsed: &File) -> Vec<Literal> {
    let mut reader = Reader { file, found: Vec::new(), is_help: false, in_help: false };
    reader.visit_file(parsed);
    reader.found.sort_by_key(|literal| literal.line);
    reader.found
}

/// The files of the modules that `parsed` declares, without those of tests.
fn modules(path: &Path, parsed: &File) -> Vec<PathBuf> {
    let stem = path.file_stem().unwrap_or_default();
    let parent = path.parent().unwrap_or(Path::new(""));
    let directory =
        if ["lib", "main", "mod"].iter().any(|name| stem == *name) { parent.into() } else { parent.join(stem) };
    let declared = parsed.items.iter().filter_map(|item| match item {
        Item::Mod(module) if module.content.is_none() && !is_test(&module.attrs) => Some(module),
        _ => None,
    });
    declared
        .map(|module| {
            if let Some(named) = module.attrs.iter().find_map(path_attribute) {
                return parent.join(named);
            }
            let name = module.ident.to_string();
            let file = directory.join(format!("{name}.rs"));
            if file.exists() { file } else { directory.join(name).join("mod.rs") }
        })
        .collect()
}

fn path_attribute(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else { return None };
    pair.path.is_ident("path").then(|| text.value())
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => {
            let words = list.tokens.to_string();
            list.path.is_ident("cfg") && words.split(|c: char| !c.is_alphanumeric()).any(|word| word == "test")
        }
        _ => attribute.path().is_ident("test"),
    })
}

/// Whether the comments on the fields of this item are help of the command line.
fn is_help(attributes: &[Attribute]) -> bool {
    const DERIVES: [&str; 4] = ["Args", "Parser", "Subcommand", "ValueEnum"];
    attributes.iter().any(|attribute| {
        let Meta::List(list) = &attribute.meta else { return false };
        let words = list.tokens.to_string();
        list.path.is_ident("derive") && words.split(|c: char| !c.is_alphanumeric()).any(|word| DERIVES.contains(&word))
    })
}

struct Reader<'a> {
    file: &'a str,
    found: Vec<Literal>,
    /// The item that is read is made into arguments of the command line.
    is_help: bool,
    /// What is read is a field or a variant of such an item, so that its comment is its help.
    in_help: bool,
}

impl Reader<'_> {
    fn take(&mut self, literal: &LitStr) {
        let text = literal.value();
        self.found.push(Literal { file: self.file.to_owned(), line: literal.span().start().line, text });
    }

    /// Literals in what a macro is given, or an attribute holds. A comment on an item inside a macro is none.
    fn walk(&mut self, tokens: TokenStream) {
        let is_comment = |group: &TokenStream| group.to_string().starts_with("doc =");
        for token in tokens {
            match token {
                TokenTree::Group(group) if is_comment(&group.stream()) => {}
                TokenTree::Group(group) => self.walk(group.stream()),
                TokenTree::Literal(literal) => {
                    if let Lit::Str(text) = Lit::new(literal) {
                        self.take(&text);
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }

    fn item<T>(&mut self, attributes: &[Attribute], node: T, visit: fn(&mut Self, T)) {
        if is_test(attributes) {
            return;
        }
        let before = std::mem::replace(&mut self.is_help, is_help(attributes));
        visit(self, node);
        self.is_help = before;
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, node: &'ast ItemMod) {
        self.item(&node.attrs, node, visit::visit_item_mod);
    }

    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        self.item(&node.attrs, node, visit::visit_item_fn);
    }

    fn visit_item_impl(&mut self, node: &'ast syn::ItemImpl) {
        self.item(&node.attrs, node, visit::visit_item_impl);
    }

    fn visit_impl_item_fn(&mut self, node: &'ast syn::ImplItemFn) {
        self.item(&node.attrs, node, visit::visit_impl_item_fn);
    }

    fn visit_item_const(&mut self, node: &'ast syn::ItemConst) {
        self.item(&node.attrs, node, visit::visit_item_const);
    }

    fn visit_item_struct(&mut self, node: &'ast syn::ItemStruct) {
        self.item(&node.attrs, node, visit::visit_item_struct);
    }

    fn visit_item_enum(&mut self, node: &'ast syn::ItemEnum) {
        self.item(&node.attrs, node, visit::visit_item_enum);
    }

    fn visit_attribute(&mut self, node: &'ast Attribute) {
        match &node.meta {
            // Why a lint is expected is said to those who write the program.
            Meta::List(list) if ["error", "arg", "command", "value"].iter().any(|name| list.path.is_ident(name)) => {
                self.walk(list.tokens.clone());
            }
            Meta::NameValue(pair) if self.in_help && pair.path.is_ident("doc") => {
                if let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value {
                    let text = LitStr::new(text.value().trim(), text.span());
                    self.take(&text);
                }
            }
            _ => {}
        }
    }

    fn visit_field(&mut self, node: &'ast syn::Field) {
        self.in_help = self.is_help;
        visit::visit_field(self, node);
        self.in_help = false;
    }

    fn visit_variant(&mut self, node: &'ast syn::Variant) {
        self.in_help = self.is_help;
        visit::visit_variant(self, node);
        self.in_help = false;
    }

    fn visit_macro(&mut self, node: &'ast Macro) {
        self.walk(node.tokens.clone());
    }

    fn visit_lit_str(&mut self, node: &'ast LitStr) {
        self.take(node);
    }
}
