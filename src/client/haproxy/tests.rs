use proptest::prelude::*;
use rstest::rstest;
use wiremock::matchers;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::client::cause::Cause;
use crate::client::double;

const TABLE: &str =
    "# pxname,svname,status,last_chk,-,scur,\nprimary,pg-0,UP,\"said \"\"no, never\"\"\",,7,\nprimary,BACKEND,UP,,,,\n";

#[rstest]
#[case("http://router:7000", "http://router:7000/;csv")]
#[case("http://router:7000/", "http://router:7000/;csv")]
#[case("http://router/haproxy?stats", "http://router/haproxy?stats;csv")]
#[case("https://gw.example/lb/pg/stats", "https://gw.example/lb/pg/stats;csv")]
#[case("http://router/stats;norefresh", "http://router/stats;norefresh;csv")]
#[case("http://router/;csv", "http://router/;csv")]
#[case("http://router/haproxy?stats;csv;norefresh", "http://router/haproxy?stats;csv;norefresh")]
#[case("http://router:7000/#pool", "http://router:7000/;csv")]
fn the_csv_is_asked_for_behind_any_statistics_uri(#[case] page: &str, #[case] csv: &str) {
    assert_eq!(csv_url(page), csv);
    assert_eq!(csv_url(csv), csv);
}

#[test]
fn cells_are_found_by_the_name_of_their_column() {
    let table = StatTable::parse(TABLE.as_bytes()).expect("a table");
    let rows: Vec<_> = table.rows().collect();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].get("last_chk"), Some("said \"no, never\""));
    assert_eq!((rows[0].number("scur"), rows[1].number("scur")), (Some(7), None));
    assert_eq!(rows[0].get("no_such_column"), None);
}

#[rstest]
#[case("<html><body>Statistics Report</body></html>", NotStatistics::Html)]
#[case("{\"state\": \"running\"}", NotStatistics::Header)]
#[case("# a,b,c,\n1,2,3,\n", NotStatistics::Header)]
#[case("", NotStatistics::Header)]
#[case(&TABLE[..TABLE.len() - 1], NotStatistics::CutOff)]
#[case(&TABLE[..TABLE.len() - 5], NotStatistics::CutOff)]
#[case("# pxname,svname,status,\nprimary,pg-0\n", NotStatistics::CutOff)]
#[case("# pxname,svname,status,", NotStatistics::CutOff)]
#[case("# pxname,svname,status,type,\nprimary,FRONTEND,OPEN,0,\nprimary,pg-0,UP,2,\n", NotStatistics::CutOff)]
fn anything_but_the_whole_table_is_refused(#[case] text: &str, #[case] reason: NotStatistics) {
    assert_eq!(StatTable::parse(text.as_bytes()).map(|_| ()), Err(reason));
}

async fn statistics(response: ResponseTemplate) -> Result<StatTable, HttpError> {
    let server = MockServer::start().await;
    Mock::given(matchers::any()).respond_with(response).mount(&server).await;
    let page = StatisticsPage::new(&double::endpoint(server.uri())).expect("a reader");
    page.statistics().await.map(|(table, _)| table)
}

#[tokio::test]
async fn a_page_that_is_not_the_statistics_is_reported_by_its_first_words() {
    let html = ResponseTemplate::new(200).set_body_string("<html><title>Welcome to nginx!</title></html>");
    let error = statistics(html).await.expect_err("HTML");
    assert_eq!(error.cause(), Cause::UnexpectedAnswer);
    assert!(
        error.to_string().contains("HTML instead of CSV") && error.to_string().contains("Welcome to nginx"),
        "{error}"
    );
    let missing = ResponseTemplate::new(503).set_body_string("<h1>503 Service Unavailable</h1>");
    let error = statistics(missing).await.expect_err("503");
    assert!(error.to_string().starts_with("HTTP 503: no statistics here"), "{error}");
    let login = statistics(ResponseTemplate::new(401)).await.expect_err("401");
    assert_eq!(login.cause(), Cause::Credentials);
}

#[tokio::test]
async fn the_page_tells_the_version_and_whether_it_can_act() {
    let server = MockServer::start().await;
    let html = "<h1><a href=\"x\">HAProxy version 3.0.11-1+deb13u3, released 2026/05/20</a></h1><select name=action>";
    Mock::given(matchers::any()).respond_with(ResponseTemplate::new(200).set_body_string(html)).mount(&server).await;
    let page = StatisticsPage::new(&double::endpoint(server.uri())).expect("a reader").page().await.expect("a page");
    assert_eq!((page.version.as_deref(), page.offers_actions), (Some("3.0.11-1+deb13u3"), true));
}

proptest! {
    #[test]
    fn no_bytes_bring_the_table_down(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = StatTable::parse(&bytes);
        let mut headed = b"# pxname,svname,status,\n".to_vec();
        headed.extend(bytes);
        if let Ok(table) = StatTable::parse(&headed) {
            for row in table.rows() {
                row.number("status");
            }
        }
    }

    #[test]
    fn every_prefix_of_a_table_is_refused_or_ends_with_a_whole_row(length in 0..TABLE.len()) {
        if let Ok(table) = StatTable::parse(&TABLE.as_bytes()[..length]) {
            prop_assert!(TABLE[..length].ends_with(",\n"));
            prop_assert!(table.rows().count() < 2);
        }
    }
}
