//! The clients that services publish themselves, as judges of what we send and of the servers that we test with.

use crate::channels::{instance, pagerduty_service, slack_to};
use crate::post::*;
use crate::real::component;
use crate::server::{Received, Reply, Server};
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use trawl_alert::action::Channel;

/// Runs a script with the installed clients: `argv` for it, `input` on its standard input, JSON that it prints.
fn python(script: &str, argv: &[&str], input: &str) -> Option<Value> {
    let python = component("TRAWL_SERVICES", "a python with the clients of the services")?;
    let mut child = Command::new(python)
        .args(["-c", script])
        .args(argv)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python");
    let mut stdin = child.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut stdin, input.as_bytes()).expect("write");
    drop(stdin);
    let output = child.wait_with_output().expect("python");
    assert!(output.status.success(), "the script fails: its error is above");
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

#[test]
fn the_sdk_of_slack_takes_our_blocks() {
    let server = Server::with(vec![Reply::Say(200, Vec::new(), "ok".into())]);
    let slack = slack_to(&server, None);
    for n in [raised("web01"), hostile()] {
        slack.deliver(&n, &ATTEMPT).unwrap();
    }
    let messages: Vec<Value> = server.received().iter().map(Received::json).collect();
    let script = "import sys, json\n\
                  from slack_sdk.models.blocks import Block\n\
                  n = 0\n\
                  for message in json.load(sys.stdin):\n\
                  \x20   for block in message['blocks']:\n\
                  \x20       parsed = Block.parse(block)\n\
                  \x20       assert parsed.to_dict()['type'] == block['type']\n\
                  \x20       parsed.validate_json()\n\
                  \x20       n += 1\n\
                  print(n)";
    let Some(n_blocks) = python(script, &[], &json!(messages).to_string()) else { return };
    let expected: usize = messages.iter().map(|message| message["blocks"].as_array().unwrap().len()).sum();
    assert_eq!(n_blocks, expected);
}

#[test]
fn our_pagerduty_takes_what_its_own_client_sends() {
    let server = Server::new(|request, _| pagerduty_service(request));
    // It insists on https where its address is set.
    let script = "import sys, json, pagerduty\n\
                  client = pagerduty.EventsApiV2Client('0123456789abcdef0123456789abcdef')\n\
                  client._url = sys.argv[1]\n\
                  key = client.trigger('it is down', 'web01', dedup_key='k', severity='critical')\n\
                  client.acknowledge('k')\n\
                  client.resolve('k')\n\
                  print(json.dumps(key))";
    let Some(key) = python(script, &[&server.url("")], "") else { return };
    assert_eq!(key, "k");
    let received = server.received();
    assert!(received.iter().all(|request| request.path == "/v2/enqueue"), "{received:?}");
    let actions: Vec<Value> = received.iter().map(|request| request.json()["event_action"].clone()).collect();
    assert_eq!(actions, ["trigger", "acknowledge", "resolve"]);
}

#[test]
fn our_servicenow_serves_a_client_of_the_real_one() {
    let (server, instance) = instance(false);
    let host = server.url("").replace("http://", "");
    let script = "import sys, json, pysnow\n\
                  client = pysnow.Client(host=sys.argv[1], user='trawl', password='pw', use_ssl=False)\n\
                  table = client.resource(api_path='/table/incident')\n\
                  made = table.create(payload={'short_description': 'it is down', 'correlation_id': 'ab12'}).one()\n\
                  print(json.dumps(made))";
    let Some(made) = python(script, &[&host], "") else { return };
    assert_eq!(made["number"], "INC0000001");
    assert_eq!(instance.incidents.lock().unwrap().len(), 1);
}
