/* A single-page shop with the real SDKs. Only what they talk to is a stand-in on this machine: see serve.mjs. */
import { datadogRum } from '@datadog/browser-rum';
import { StatsigClient } from '@statsig/js-client';
import { connectStatsigToRum } from 'statsig-datadog-rum';

const link = new URLSearchParams(location.search).get('link') ?? 'ours';
const byId = (id) => document.getElementById(id);

/* What RUM is told and what it sends, written down on the way; the views also when the link is changed. */
const told = new Map();
let firstView;
const views = new Map(JSON.parse(sessionStorage.getItem('views') ?? '[]'));
views.forEach((view) => (view.over = true));
const { addFeatureFlagEvaluation } = datadogRum;
datadogRum.addFeatureFlagEvaluation = (key, value) => {
  const view = datadogRum.getInternalContext()?.view?.id;
  if (!told.has(view)) told.set(view, {});
  told.get(view)[key] = value;
  addFeatureFlagEvaluation(key, value);
  show();
};
datadogRum.init({
  applicationId: '11111111-1111-4111-8111-111111111111',
  clientToken: 'pub00000000000000000000000000000000',
  site: 'datadoghq.com',
  service: 'tea-shop',
  sessionSampleRate: 100,
  sessionReplaySampleRate: 0,
  proxy: `${location.origin}/intake`,
  beforeSend: (event) => {
    if (event.type === 'view') {
      const { pathname } = new URL(event.view.url);
      views.set(event.view.id, { link, pathname, flags: { ...event.feature_flags }, over: !event.view.is_active });
      sessionStorage.setItem('views', JSON.stringify([...views]));
      show();
    }
    return true;
  },
});

const client = new StatsigClient('client-key', { userID: 'ada' }, { networkConfig: { api: `${location.origin}/v1` } });
if (link === 'ours') connectStatsigToRum(client, datadogRum);
else client.on('gate_evaluation', ({ gate }) => datadogRum.addFeatureFlagEvaluation(gate.name, gate.value));
await client.initializeAsync();

/* The shop. It asks for its flags when it starts and when they may have changed, as most pages do. */
const PAGES = {
  '/': 'Sencha, Darjeeling, Lapsang Souchong and 40 more.',
  '/green': 'Sencha: grassy, from Shizuoka. 100 g for 9 €.',
  '/cart': '1 × Sencha, 100 g: 9 €',
  '/checkout': 'Sencha, 100 g, to be sent to you today.',
};
let flags;

function ask() {
  flags = [
    { name: 'new_cart', key: /^new_cart$/, value: client.checkGate('new_cart') },
    { name: 'gift-wrap', key: /^gift_wrap_|^gift-wrap$/, value: client.checkGate('gift-wrap') },
    {
      name: 'checkout_button',
      key: /^experiment_checkout_button$/,
      value: client.getExperiment('checkout_button').groupName ?? undefined,
    },
  ];
}

function render() {
  const [newCart, , button] = flags;
  document.querySelectorAll('nav a').forEach((each) => {
    each.toggleAttribute('aria-current', each.getAttribute('href') === location.pathname);
  });
  byId('page').innerHTML = `
    ${newCart.value ? '<p class="banner">Free shipping from 20 €: 11 € to go</p>' : ''}
    <p>${PAGES[location.pathname] ?? 'Nothing here.'}</p>
    <button class="${button.value ?? ''}">${button.value === 'Treatment' ? 'Buy now' : 'Buy'}</button>`;
  show();
}

document.querySelector('nav').addEventListener('click', (event) => {
  if (!(event.target instanceof HTMLAnchorElement)) return;
  event.preventDefault();
  history.pushState({}, '', event.target.getAttribute('href') + location.search);
  render();
});
addEventListener('popstate', render);

/* Statsig's console and the rest of the controls. */
async function decide() {
  const decision = { gate: byId('gate').checked, group: byId('group').value || null };
  await fetch('/decide', { method: 'POST', body: JSON.stringify(decision) });
  await client.updateUserAsync({ userID: byId('user').value });
  ask();
  render();
}
for (const id of ['gate', 'group', 'user']) byId(id).addEventListener('change', decide);
document.querySelectorAll('[name=link]').forEach((each) => {
  each.checked = each.value === link;
  each.addEventListener('change', () => (location.search = `?link=${each.value}`));
});

/* Side by side. */
const chip = (text, lost) => `<code class="flag${lost ? ' lost' : ''}">${text}</code>`;

function show() {
  if (!flags) return;
  const present = datadogRum.getInternalContext()?.view?.id;
  firstView ??= present;
  // What RUM is told before it has started, it keeps for its first view.
  const now = { ...(present === firstView && told.get(undefined)), ...told.get(present) };
  byId('flags').innerHTML = flags
    .map(({ name, key, value }) => {
      const known = Object.entries(now).find(([each, of]) => key.test(each) && of !== undefined);
      const lost = known?.[1] !== value;
      const decided = value === undefined ? 'in no group' : chip(value);
      const heard = known ? chip(`${known[0]}: ${known[1]}`, lost) : lost ? chip('nothing', lost) : 'nothing, rightly';
      return `<tr><td><code>${name}</code></td><td>${decided}</td><td>${heard}</td></tr>`;
    })
    .join('');
  byId('views').innerHTML = [...views.values()]
    .reverse()
    .slice(0, 8)
    .map(({ link: by, pathname, flags: sent, over }) => {
      const entries = Object.entries(sent).filter(([, value]) => value !== undefined);
      const chips = entries.map(([key, value]) => chip(`${key}: ${value}`)).join('');
      const none = over ? chip('none', true) : 'not sent yet';
      const name = by === 'ours' ? 'this package' : 'the recipe';
      return `<tr><td><code>${pathname}</code></td><td>${name}</td><td>${chips || none}</td></tr>`;
    })
    .join('');
}

byId('gate').checked = client.checkGate('new_cart');
byId('group').value = client.getExperiment('checkout_button').groupName ?? '';
ask();
render();
setInterval(async () => {
  const { events } = await (await fetch('/received')).json();
  byId('intake').textContent = `RUM's intake, here a stand-in, has got ${events} events. Nothing left this machine.`;
}, 1000);
