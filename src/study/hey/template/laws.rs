//! What templates do, law by law; every expected text is what hey 0.1.4 printed for the same template and report.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::Template;
use super::report::BUCKET;
use super::value::{Struct, Value};

static REPORT: Struct = Struct {
    name: "requester.Report",
    list: "[]requester.Report",
    fields: &["NumRes", "SizeTotal", "Rps", "Total", "StatusCodes", "Lats", "StatusCodeDist", "ErrorDist", "Histogram"],
};

/// A part of a report of three requests.
fn data() -> Value {
    let bucket = |mark: f64, count: i64| {
        Value::Struct(&BUCKET, [Value::Float(mark), Value::Int(count), Value::Float(0.5)].into())
    };
    let values = [
        Value::Int64(3),
        Value::Int64(15),
        Value::Float(32.5),
        Value::Duration(1_738_908),
        Value::Ints([200; 3].into()),
        Value::Floats([0.5, 0.25, 1.0].into()),
        Value::IntMap(BTreeMap::from([(200, 3)]).into()),
        Value::TextMap(BTreeMap::new().into()),
        Value::Structs(&BUCKET, [bucket(0.25, 1), bucket(1.0, 2)].into()),
    ];
    Value::Struct(&REPORT, values.into())
}

fn written(text: &str) -> Result<String, String> {
    Template::parse(text)?.execute(&data())
}

#[test]
fn templates_write_what_go_writes() {
    for (template, text) in [
        (r"{{.NumRes}} {{.StatusCodeDist}} {{len .Lats}}", "3 map[200:3] 3"),
        (r"{{.Total}} {{.Total.Seconds}} {{.Total.Milliseconds}}", "1.738908ms 0.001738908 1"),
        (r"{{$x := 5}}{{$x}}{{$x = 6}}{{if true}}{{$x = 7}}{{$y := 1}}{{end}}{{$x}}", "57"),
        ("{{range $i, $c := .StatusCodes}}{{if $i}},{{end}}{{$c}}{{if eq $i 1}}{{break}}{{end}}{{end}}", "200,200"),
        ("{{range .StatusCodes}}{{.}}{{continue}}x{{end}}", "200200200"),
        ("{{range .ErrorDist}}{{.}}{{else}}none{{end}}", "none"),
        ("{{range $k, $v := .StatusCodeDist}}{{$k}}={{$v}}{{end}}", "200=3"),
        ("{{with .StatusCodeDist}}{{.}}{{else}}no{{end}}{{with 0}}a{{else}}b{{end}}", "map[200:3]b"),
        ("{{if false}}a{{else if true}}b{{else}}c{{end}}", "b"),
        (
            r#"{{define "a"}}[{{.}}]{{end}}{{template "a" 5}}{{template "a"}}{{block "b" 6}}{{.}}{{end}}"#,
            "[5][<no value>]6",
        ),
        ("a {{- /* c */ -}}  x  {{- 5 -}}  y", "ax5y"),
        (r#"{{"a" | printf "%s-%s" "b"}} {{(print 5 | printf "%s!")}}"#, "b-a 5!"),
        (r#"{{not 0}} {{and 1 0 2}} {{or 0 "" 3}}"#, "true 0 3"),
        (
            r#"{{eq 1 2 1}} {{ne 1 2}} {{lt 1 2}} {{le 2.5 2.5}} {{gt "b" "a"}} {{ge 1 2}}"#,
            "true true true true true false",
        ),
        (r#"{{index .StatusCodeDist 404}} {{index .ErrorDist "x"}} {{.ErrorDist.foo}}"#, "0 0 <no value>"),
        (r#"{{slice "abcdef" 1 3}} {{len (slice .Lats 1)}}"#, "bc 2"),
        ("{{formatNumber 5}} {{formatNumberInt 5.0}} {{formatNumber .Rps}}", "5.0000 5 32.5000"),
        (
            "{{histogram .Histogram}}",
            "  0.250 [1]\t|■■■■■■■■■■■■■■■■■■■■\n  1.000 [2]\t|■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■■\n",
        ),
        (r#"{{jsonify .StatusCodeDist}} {{jsonify "a<b"}} {{jsonify nil}}"#, r#"{"200":3} "a\u003cb" null"#),
        ("{{(index .Histogram 0).Count}}{{$.NumRes}}", "13"),
        (
            r#"{{printf "%[2]d %[1]d" 1 2}} {{printf "%+v" (index .Histogram 0)}}"#,
            "2 1 {Mark:0.25 Count:1 Frequency:0.5}",
        ),
        (
            "{{1000000.0}} {{1e21}} {{0.00001}} {{100000.0}} {{0x10}} {{'a'}} {{1_000}}",
            "1e+06 1e+21 1e-05 100000 16 97 1000",
        ),
        ("{{html \"<a>\"}} {{urlquery \"a b\"}} {{js \"it's\"}}", r"&lt;a&gt; a+b it\'s"),
    ] {
        assert_eq!(written(template).as_deref(), Ok(text), "{template}");
    }
}

#[test]
fn what_go_can_not_read_is_refused_in_its_words() {
    for (template, text) in [
        ("{{.Foo", "unclosed action"),
        ("{{if}}x{{end}}", "missing value for if"),
        ("{{if true}}x", "unexpected EOF"),
        ("{{end}}", "unexpected {{end}}"),
        ("{{break}}", "{{break}} outside {{range}}"),
        ("{{foo}}", "function \"foo\" not defined"),
        ("{{$x}}", "undefined variable \"$x\""),
        ("{{/* open", "unclosed comment"),
        ("{{\"abc}}", "unterminated quoted string"),
        ("{{1..2}}", "unexpected \".2\" in operand"),
        ("{{5.foo}}", "bad number syntax: \"5.f\""),
        ("{{)}}", "unexpected \")\" in command"),
        ("{{(1}}", "unclosed left paren"),
        ("{{5 | 6}}", "non executable command in pipeline stage 2"),
        ("{{range $a, 5 := .Lats}}{{end}}", "range can only initialize variables"),
        ("{{if true}}a{{else}}b{{else}}c{{end}}", "expected end; found {{else}}"),
        ("{{\u{20ac}}}", "unrecognized character in action: U+20AC '\u{20ac}'"),
        ("{{}}", "missing value for command"),
    ] {
        let error = Template::parse(template).map(|_| ()).expect_err(template);
        assert_eq!(error, format!("template: tmpl:1: {text}"), "{template}");
    }
}

#[test]
fn what_go_can_not_execute_fails_in_its_words() {
    for (template, text) in [
        ("{{.Foo}}", "1:2: executing \"tmpl\" at <.Foo>: can't evaluate field Foo in type requester.Report"),
        ("a\n b {{.A.B}}", "2:7: executing \"tmpl\" at <.A.B>: can't evaluate field A in type requester.Report"),
        ("{{(len .Lats).foo}}", "1:7: executing \"tmpl\" at <.Lats>: can't evaluate field foo in type int"),
        ("{{nil}}", "1:2: executing \"tmpl\" at <nil>: nil is not a command"),
        ("{{range 5}}{{end}}", "1:8: executing \"tmpl\" at <5>: range can't iterate over 5"),
        ("{{template \"no\"}}", "1:11: executing \"tmpl\" at <{{template \"no\"}}>: template \"no\" not defined"),
        (
            "{{5 | .NumRes}}",
            "1:6: executing \"tmpl\" at <.NumRes>: NumRes has arguments but cannot be invoked as function",
        ),
        ("{{lt 1 1.5}}", "1:2: executing \"tmpl\" at <lt 1 1.5>: error calling lt: incompatible types for comparison"),
        (
            "{{index .Lats 99}}",
            "1:2: executing \"tmpl\" at <index .Lats 99>: error calling index: index out of range: 99",
        ),
        (
            "{{formatNumber .SizeTotal}}",
            "1:15: executing \"tmpl\" at <.SizeTotal>: wrong type for value; expected float64; got int64",
        ),
        (
            "{{formatNumber 1 2}}",
            "1:2: executing \"tmpl\" at <formatNumber>: wrong number of args for formatNumber: want 1 got 2",
        ),
        ("{{.Total.Round \"a\"}}", "1:15: executing \"tmpl\" at <\"a\">: expected integer; found \"a\""),
    ] {
        assert_eq!(written(template), Err(format!("template: tmpl:{text}")), "{template}");
    }
}

#[test]
fn templates_that_call_themselves_end() {
    let error = written("{{define \"r\"}}{{template \"r\"}}{{end}}{{template \"r\"}}").expect_err("endless");
    assert!(error.contains("exceeded maximum template depth"), "{error}");
    let deep = format!("{}1{}", "{{(".to_owned() + &"(".repeat(10_000), ")".repeat(10_001) + "}}");
    assert!(written(&deep).expect_err("deep").contains("inside each other"));
    let ifs = "{{if true}}".repeat(10_000);
    assert!(written(&ifs).expect_err("deep").contains("inside each other"));
}

proptest! {
    /// Whatever is given as a template, it is written or refused.
    #[test]
    fn any_text_is_a_template_or_an_error(parts in prop::collection::vec(prop::sample::select(vec![
        "{{", "}}", "{{-", "-}}", " ", "\n", ".", ".Lats", ".Total", "$", "$x", ":=", "=", "|", "(", ")", ",", "\"a\"", "`b`", "'c'",
        "1", "-2", "3.5", "0x1f", "nil", "true", "if", "range", "with", "else", "end", "define", "template", "block", "break",
        "continue", "index", "slice", "printf", "print", "len", "eq", "lt", "and", "not", "call", "html", "jsonify", "histogram",
        "formatNumber", "\"%[1]*d %v\"", "/*", "*/", "x", "\u{e9}", "%", "\\",
    ]), 0..25)) {
        let _ = written(&parts.concat());
        let _ = written(&format!("{{{{{}}}}}", parts.join(" ")));
    }
}
