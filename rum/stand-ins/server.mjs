/**
 * Statsig's initialize endpoint and RUM's intake, on this machine: what the real SDKs ask for is answered as Statsig
 * answers it, and what RUM sends is kept. For the tests and the example.
 */
import { createServer } from 'node:http';

/**
 * @typedef {object} Decisions what Statsig decides for one user
 * @property {Record<string, boolean>} [gates] by name
 * @property {Record<string, string | null>} [experiments] the group by name; null: the user is in none
 * @property {Record<string, string | null>} [layers] the same
 * @property {Record<string, string>} [configs] the id of the rule by name
 */

/**
 * @typedef {object} RumEvent as the SDK sends it
 * @property {string} type
 * @property {{ id: string, name?: string, url: string, loading_type?: string, is_active?: boolean }} view
 * @property {Record<string, unknown>} [feature_flags]
 * @property {{ document_version: number }} _dd
 * @property {{ id: string }} session
 * @property {{ message: string }} [error]
 */

/**
 * @param {object} options
 * @param {(user: { userID?: string }) => Decisions} options.decide
 * @param {(path: string) => { type: string, body: string | Buffer } | undefined} options.serve any other GET
 * @param {(path: string) => unknown} [options.interfere] is waited for before a request is answered; `'cut'` ends the
 *     connection instead
 * @param {(path: string, body: string) => void} [options.accept] is told of each other POST
 * @param {number} [options.port] any free one by default
 */
export async function startServer({ decide, serve, interfere = () => {}, accept = () => {}, port = 0 }) {
  /** @type {RumEvent[]} */
  const events = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const answer = (/** @type {number} */ status, /** @type {string} */ type, /** @type {string | Buffer} */ body) =>
      response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-cache' }).end(body);

    if ((await interfere(url.pathname)) === 'cut') return request.destroy();
    if (request.method === 'POST') {
      const chunks = [];
      try {
        for await (const chunk of request) chunks.push(chunk);
      } catch {
        return; // a page that is closed cuts its last request off
      }
      const body = Buffer.concat(chunks).toString('utf8');
      if (url.pathname === '/v1/initialize') {
        const { user, hash } = JSON.parse(body.startsWith('{') ? body : decoded(body));
        return answer(200, 'application/json', JSON.stringify(initializeResponse(decide(user), hash)));
      }
      if (url.pathname === '/intake' && url.searchParams.get('ddforward')?.startsWith('/api/v2/rum?')) {
        events.push(...body.split('\n').filter(Boolean).map((line) => JSON.parse(line)));
      }
      accept(url.pathname, body);
      return answer(202, 'application/json', '{"success": true}');
    }
    const file = serve(url.pathname);
    return file ? answer(200, file.type, file.body) : answer(404, 'text/plain', 'Not here');
  });
  await new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(undefined)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());

  return {
    url: `http://127.0.0.1:${address.port}`,
    events,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What Statsig's SDKs make of a body, marked by a parameter (`se=1`) or a header. */
function decoded(/** @type {string} */ body) {
  return Buffer.from([...body].reverse().join(''), 'base64').toString('utf8');
}

/**
 * @param {Decisions} decisions
 * @param {string} hash the client asks for names in `djb2`; they stand hashed in the answer
 */
function initializeResponse({ gates = {}, experiments = {}, layers = {}, configs = {} }, hash) {
  const hashed = hash === 'djb2' ? djb2 : (/** @type {string} */ name) => name;
  /** @type {(of: Record<string, any>, describe: (value: any) => object) => Record<string, object>} */
  const entries = (of, describe) =>
    Object.fromEntries(
      Object.entries(of).map(([name, value]) => [
        hashed(name),
        { name: hashed(name), id_type: 'userID', secondary_exposures: [], ...describe(value) },
      ]),
    );
  const assigned = (/** @type {string | null} */ group) => ({
    value: group ? { variant: group } : {},
    rule_id: group ? `rule_${group}` : 'layerAssignment',
    group: group ? `rule_${group}` : 'layerAssignment',
    ...(group ? { group_name: group } : {}),
    is_device_based: false,
    is_experiment_active: true,
    is_user_in_experiment: group !== null,
  });
  return {
    feature_gates: entries(gates, (value) => ({ value, rule_id: value ? 'rule_on' : 'default' })),
    dynamic_configs: {
      ...entries(experiments, assigned),
      ...entries(configs, (rule) => ({ value: { rule }, rule_id: rule, group: rule, is_device_based: false })),
    },
    layer_configs: entries(layers, (group) => ({
      ...assigned(group),
      allocated_experiment_name: 'an_experiment',
      explicit_parameters: [],
      undelegated_secondary_exposures: [],
    })),
    sdkParams: {},
    has_updates: true,
    generator: 'stand-in',
    time: Date.now(),
    hash_used: hash,
  };
}

function djb2(/** @type {string} */ text) {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = ((hash << 5) - hash + text.charCodeAt(index)) | 0;
  return String(hash >>> 0);
}
