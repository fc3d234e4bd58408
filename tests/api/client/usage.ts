// How a mini program would use the API, by types that are generated from its document. Checked, never run.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

type State = components["schemas"]["StateOut"];

const client = createClient<paths>({ baseUrl: "https://example.org" });

function dial(lines: components["schemas"]["HotlineOut"][]): string[] {
  return lines.map((line) => line.number);
}

export async function takeTest(): Promise<State["result"]> {
  const begun = await client.POST("/api/v1/instruments/{instrument_id}/responses", {
    params: { path: { instrument_id: "phq9" }, header: { "Idempotency-Key": "8f14e45f-ceea-467f-a8e2-1f2a5b3c4d5e" } },
    body: { age_band: "age_18_59", consent_version: "assessment-1", entry_code: "", carry_token: "" },
  });
  if (begun.error) {
    dial(begun.error.hotlines ?? []);
    throw new Error(begun.error.error.code);
  }
  const header = { "X-Response-Token": begun.data.token };
  let state: State = begun.data.state;
  while (state.step === "item" && state.item) {
    const answer = await client.PUT("/api/v1/instruments/{instrument_id}/response/answers/{item_id}", {
      params: { path: { instrument_id: "phq9", item_id: state.item.id }, header },
      body: { code: state.item.options[0]!.code, revision: state.revision },
    });
    const care = answer.data?.care ?? answer.error?.care;
    if (care) dial(care.hotlines);
    if (!answer.data?.state) break;
    state = answer.data.state;
  }
  return state.result;
}

export async function signIn(code: string): Promise<string> {
  const { data, error } = await client.POST("/api/v1/auth/wechat", { body: { code, device_label: "" } });
  if (!data) throw new Error(error.error.message);
  return data.access_token;
}

export async function everyPlace(): Promise<string[]> {
  const names: string[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const page: { data?: components["schemas"]["OrganisationsOut"] } = await client.GET("/api/v1/organisations", {
      params: { query: { cursor, limit: 100 } },
    });
    if (!page.data) break;
    names.push(...page.data.organisations.map((place) => place.name));
    cursor = page.data.next_cursor;
  }
  return names;
}

export function wrong(): void {
  // @ts-expect-error - there is no such address
  void client.GET("/api/v1/nothing");
  // @ts-expect-error - an age band is one of five
  void client.POST("/api/v1/instruments/{instrument_id}/responses", { body: { age_band: "young" } });
}
