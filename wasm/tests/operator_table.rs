//! The README lists the operators and their types as the registrations have them.
//! `UPDATE_README=1 cargo test` writes the list.

use std::path::Path;
use std::{env, fs};

use tinylamp::model::tensor::TensorType;
use tinylamp::ops::signature::{SAME, Signature, Types};
use tinylamp::ops::{ALL, Registration};

const START: &str = "<!-- The table comes from the registrations: UPDATE_README=1 cargo test -->\n";
const END: &str = "\n<!-- End of the table -->\n";

fn table() -> String {
    let mut rows: Vec<_> = ALL.operators.iter().map(|registration| row(registration)).collect();
    rows.sort();
    format!("\n| operator | types: inputs → outputs |\n| --- | --- |\n{}", rows.concat())
}

fn row(registration: &Registration) -> String {
    let signatures: Vec<_> = registration.types.iter().map(signature).collect();
    format!("| {} | {} |\n", registration.name, signatures.join("; "))
}

fn signature(signature: &Signature) -> String {
    let list = |types: &[Types]| types.iter().map(|types| set(*types)).collect::<Vec<_>>().join(" × ");
    format!("{} → {}", list(signature.inputs), list(signature.outputs)).trim_matches([' ', '→']).to_owned()
}

fn set(types: Types) -> String {
    let all: Vec<_> = (0..i8::MAX).filter_map(|number| TensorType::from_schema(number).ok()).filter(|found| found.is_held()).collect();
    let names = |wanted: bool| {
        let found = all.iter().filter(|element_type| types.contains(**element_type) == wanted);
        found.map(|element_type| format!("{element_type:?}").to_lowercase()).collect::<Vec<_>>()
    };
    match names(true).len() {
        0 if types == SAME => "same".to_owned(),
        count if count > all.len() / 2 => format!("all but {}", names(false).join(", ")),
        _ => names(true).join(" or "),
    }
}

#[test]
fn the_readme_lists_the_registrations() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(START).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    let table = table();
    if env::var_os("UPDATE_README").is_some() {
        fs::write(&path, format!("{before}{START}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(found, table);
    }
}

#[test]
fn no_operator_is_registered_twice() {
    for (index, one) in ALL.operators.iter().enumerate() {
        for other in &ALL.operators[index + 1..] {
            assert!(one.key != other.key && one.name != other.name, "{}", one.name);
        }
    }
}
