/* What the pages of the tests are made of, beside the real SDKs. */

/** Datadog RUM, sending to the stand-in. What it is told of flags is written down in `told`. */
function startRum(options = {}) {
  const { addFeatureFlagEvaluation } = window.DD_RUM;
  window.told = [];
  window.DD_RUM.addFeatureFlagEvaluation = (key, value) => {
    window.told.push([key, value]);
    addFeatureFlagEvaluation(key, value);
  };
  window.DD_RUM.init({
    applicationId: '11111111-1111-4111-8111-111111111111',
    clientToken: 'pub00000000000000000000000000000000',
    site: 'datadoghq.com',
    service: 'shop',
    sessionSampleRate: 100,
    sessionReplaySampleRate: 0,
    proxy: `${location.origin}/intake`,
    ...options,
  });
}

/** A Statsig client, asking the stand-in. Not initialised yet. */
function newClient(user = { userID: 'ada' }, options = {}) {
  window.client = new window.Statsig.StatsigClient('client-key', user, {
    networkConfig: { api: `${location.origin}/v1` },
    ...options,
  });
  return window.client;
}

/** The ways from Statsig to RUM. Each returns what the page asks for its flags. */
const links = {
  async ours(options) {
    const client = newClient();
    window.connection = window.StatsigDatadogRum.connectStatsigToRum(client, window.DD_RUM, options);
    await client.initializeAsync();
    return client;
  },

  /** As on https://docs.datadoghq.com/integrations/statsig-rum/ */
  async recipe() {
    const { statsig } = window;
    const datadogRum = window.DD_RUM;
    await statsig.initialize(
      'client-key',
      { userID: 'ada' },
      {
        api: `${location.origin}/v1`,
        gateEvaluationCallback: (key, value) => {
          datadogRum.addFeatureFlagEvaluation(key, value);
        },
      },
    );
    return statsig;
  },

  /** The same with the SDK that Statsig supports. */
  async recipeWithPresentSdk() {
    const client = newClient();
    client.on('gate_evaluation', ({ gate }) => window.DD_RUM.addFeatureFlagEvaluation(gate.name, gate.value));
    await client.initializeAsync();
    return client;
  },

  async oursWithLegacySdk(options) {
    const { statsig } = window;
    window.connection = window.StatsigDatadogRum.connectStatsigToRum(null, window.DD_RUM, options);
    const { evaluationCallback } = window.connection;
    await statsig.initialize('client-key', { userID: 'ada' }, { api: `${location.origin}/v1`, evaluationCallback });
    return statsig;
  },
};

/** A page that asks for its flags when it starts, as most do; `ready` when it has. */
async function startShop(link, { rum, ours } = {}) {
  startRum(rum);
  window.flags = await links[link](ours);
  askForFlags();
  window.ready = true;
}

function askForFlags() {
  window.flags.checkGate('new_cart');
  window.flags.checkGate('old_search');
  window.flags.getExperiment('checkout_button');
  window.flags.getLayer('home_page');
  (window.flags.getDynamicConfig ?? window.flags.getConfig).call(window.flags, 'shipping');
}
