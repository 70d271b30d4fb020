//! Source text to facts: which paths it names and where, what it constructs, and how long it is without its tests.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use proc_macro2::{Spacing, Span, TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprCall, ExprStruct, File, ItemMod, Macro, Token, Type, UseTree};

/// Stands for the path of a list of `Text`.
pub(crate) const TEXT_LIST: &str = "a list of Text";
/// Stands for the path of a variant `Command` that holds a list of `Text`.
pub(crate) const TEXT_COMMAND: &str = "a command of Text";

/// One file of `src/`.
pub(crate) struct Source {
    /// Path below `src/`, with slashes.
    pub(crate) file: String,
    /// Its text.
    pub(crate) text: String,
}

/// A path that the source names, absolute where it began with `crate`, `self` or `super`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Named {
    /// Segments; a glob is `*`.
    pub(crate) path: Vec<String>,
    /// Line, from 1.
    pub(crate) line: usize,
    /// Whether it stands in test code.
    pub(crate) in_tests: bool,
    /// Whether it is called or filled with fields here: a value is made.
    pub(crate) makes: bool,
}

/// What one file says.
pub(crate) struct Facts {
    /// Paths it names.
    pub(crate) named: Vec<Named>,
    /// Lines without those of test modules.
    pub(crate) lines: usize,
    /// Files that hold test modules declared here, below `src/`, in both spellings.
    pub(crate) test_files: BTreeSet<String>,
}

/// All Rust files under `root`.
///
/// # Errors
/// When a directory or file cannot be read.
pub(crate) fn sources(root: &Path) -> io::Result<Vec<Source>> {
    let mut found = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let file = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                found.push(Source { file, text: fs::read_to_string(&path)? });
            }
        }
    }
    found.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(found)
}

/// The module that `file` is, as segments below the crate: `client/etcd/mod.rs` is `client::etcd`.
pub(crate) fn module_of(file: &str) -> Vec<String> {
    let stem = file.trim_end_matches(".rs");
    let mut parts: Vec<String> = stem.split('/').map(ToOwned::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

/// Reads one file.
///
/// # Errors
/// When it is not Rust.
pub(crate) fn facts(source: &Source) -> Result<Facts, syn::Error> {
    let file: File = syn::parse_file(&source.text)?;
    let mut reader = Reader {
        module: module_of(&source.file),
        test_depth: 0,
        test_lines: 0,
        named: Vec::new(),
        test_files: BTreeSet::new(),
    };
    reader.visit_file(&file);
    let lines = source.text.lines().count().saturating_sub(reader.test_lines);
    Ok(Facts { named: reader.named, lines, test_files: reader.test_files })
}

struct Reader {
    module: Vec<String>,
    test_depth: usize,
    test_lines: usize,
    named: Vec<Named>,
    test_files: BTreeSet<String>,
}

impl Reader {
    fn name(&mut self, segments: Vec<String>, span: Span, makes: bool) {
        let path = absolute(&self.module, segments);
        self.named.push(Named { path, line: span.start().line, in_tests: self.test_depth > 0, makes });
    }

    fn use_tree(&mut self, tree: &UseTree, above: &[String]) {
        let mut path = above.to_vec();
        match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.use_tree(&part.tree, &path);
            }
            UseTree::Name(part) => {
                // `use a::b::{self}` names `a::b`.
                if part.ident != "self" {
                    path.push(part.ident.to_string());
                }
                self.name(path, part.ident.span(), false);
            }
            UseTree::Rename(part) => {
                if part.ident != "self" {
                    path.push(part.ident.to_string());
                }
                self.name(path, part.ident.span(), false);
            }
            UseTree::Glob(glob) => {
                path.push("*".to_owned());
                self.name(path, glob.star_token.span(), false);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.use_tree(tree, above);
                }
            }
        }
    }

    fn made(&mut self, path: &syn::Path) {
        let segments = segments(path);
        self.name(segments, path.span(), true);
    }

    /// Paths among tokens that are no expression: `ident (:: ident)+`, and lone names.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut start = Span::call_site();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 && !path.is_empty() {
                        self.name(std::mem::take(&mut path), start, false);
                    }
                    if path.is_empty() {
                        start = ident.span();
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct)
                    if punct.as_char() == ':' && (colons == 1 || punct.spacing() == Spacing::Joint) =>
                {
                    colons += 1;
                }
                other => {
                    let makes = matches!(&other, TokenTree::Group(_));
                    if !path.is_empty() {
                        self.name(std::mem::take(&mut path), start, makes);
                    }
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        if !path.is_empty() {
            self.name(path, start, false);
        }
    }
}

impl<'a> Visit<'a> for Reader {
    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        let test = is_test(&item.attrs);
        self.test_depth += usize::from(test);
        self.use_tree(&item.tree, &[]);
        self.test_depth -= usize::from(test);
    }

    fn visit_item_extern_crate(&mut self, item: &'a syn::ItemExternCrate) {
        self.name(vec![item.ident.to_string()], item.ident.span(), false);
    }

    fn visit_item_mod(&mut self, item: &'a ItemMod) {
        let test = is_test(&item.attrs);
        let name = item.ident.to_string();
        if test {
            if item.content.is_some() {
                self.test_lines += item.span().end().line - item.span().start().line + 1;
            } else {
                let base = self.module.iter().chain([&name]).cloned().collect::<Vec<_>>().join("/");
                self.test_files.extend([format!("{base}.rs"), format!("{base}/")]);
            }
        }
        self.test_depth += usize::from(test);
        self.module.push(name);
        visit::visit_item_mod(self, item);
        self.module.pop();
        self.test_depth -= usize::from(test);
    }

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        let test = is_test(&item.attrs);
        self.test_depth += usize::from(test);
        visit::visit_item_fn(self, item);
        self.test_depth -= usize::from(test);
    }

    fn visit_expr_struct(&mut self, expr: &'a ExprStruct) {
        self.made(&expr.path);
        visit::visit_expr_struct(self, expr);
    }

    fn visit_expr_call(&mut self, expr: &'a ExprCall) {
        if let Expr::Path(function) = expr.func.as_ref() {
            self.made(&function.path);
        }
        visit::visit_expr_call(self, expr);
    }

    fn visit_type(&mut self, of: &'a Type) {
        if is_list_of_text(of) {
            self.named.push(Named {
                path: vec![TEXT_LIST.to_owned()],
                line: of.span().start().line,
                in_tests: self.test_depth > 0,
                makes: false,
            });
        }
        visit::visit_type(self, of);
    }

    fn visit_variant(&mut self, variant: &'a syn::Variant) {
        if variant.ident == "Command" && variant.fields.iter().any(|field| is_list_of_text(&field.ty)) {
            self.named.push(Named {
                path: vec![TEXT_COMMAND.to_owned()],
                line: variant.span().start().line,
                in_tests: self.test_depth > 0,
                makes: false,
            });
        }
        visit::visit_variant(self, variant);
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.name(segments(path), path.span(), false);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'a Macro) {
        self.visit_path(&item.path);
        let arguments = item.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
        match arguments {
            Ok(arguments) => arguments.iter().for_each(|argument| self.visit_expr(argument)),
            Err(_) => self.tokens(item.tokens.clone()),
        }
    }
}

/// `[Text]` or `Vec<Text>`.
fn is_list_of_text(of: &Type) -> bool {
    let is_text = |of: &Type| matches!(of, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Text"));
    match of {
        Type::Slice(slice) => is_text(&slice.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else { return false };
            last.ident == "Vec"
                && arguments.args.iter().any(|one| matches!(one, syn::GenericArgument::Type(of) if is_text(of)))
        }),
        _ => false,
    }
}

fn segments(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// Resolves a leading `crate`, `self` or `super` against the module the path stands in.
fn absolute(module: &[String], segments: Vec<String>) -> Vec<String> {
    let mut base: Option<Vec<String>> = None;
    let mut rest = segments.iter().peekable();
    while let Some(segment) = rest.peek() {
        match segment.as_str() {
            "crate" | "pgctl" if base.is_none() => base = Some(Vec::new()),
            "self" if base.is_none() => base = Some(module.to_vec()),
            "super" => {
                let mut here = base.unwrap_or_else(|| module.to_vec());
                here.pop();
                base = Some(here);
            }
            _ => break,
        }
        rest.next();
    }
    match base {
        None => segments,
        Some(base) => {
            let root = ["crate".to_owned()].into_iter();
            root.chain(base).chain(rest.cloned()).collect()
        }
    }
}

/// Whether an item stands under `#[cfg(test)]` (alone or in `all(...)`) or is a test.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let words = || attribute.meta.require_list().map(|list| list.tokens.to_string()).unwrap_or_default();
        attribute.path().is_ident("test")
            || (attribute.path().is_ident("cfg")
                && matches!(words().as_str(), "test")
                    | (words().starts_with("all") && words().contains("test") && !words().contains("not")))
    })
}
