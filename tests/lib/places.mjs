// The location databases in tests/data: every form that store/geo.c reads, and what it must not take.
//
//   node tests/lib/places.mjs      writes them anew
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { repository } from './processes.mjs';
import { writeDatabase } from './mmdb.mjs';

const city = (country, ...divisions) => ({
  city: { geoname_id: 1, names: { en: 'Somewhere' } },
  continent: { code: 'EU' },
  country: { geoname_id: 2, is_in_european_union: true, iso_code: country, names: { en: 'A country', de: 'Ein Land' } },
  location: { accuracy_radius: { uint16: 100 }, latitude: 48.25, longitude: -11.5 },
  registered_country: { iso_code: 'US' },
  ...(divisions.length && { subdivisions: divisions.map((code) => ({ geoname_id: 3, iso_code: code, names: { en: 'A part' } })) }),
});

// Nobody's networks, of which public files say things, and the addresses just outside of them.
const nobodys = ['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16', '224.0.0.0/3', 'fc00::/7', 'fe80::/10', 'ff00::/8'];
const beside = ['9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.0', '169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0', '223.255.255.255']
  .map((address) => `${address}/32`)
  .concat('fbff::/16', 'fe7f::/16', 'fec0::/16');

export const databases = {
  'city.mmdb': writeDatabase(
    {
      '81.2.69.0/24': city('GB', 'ENG', 'LND'),
      '198.51.100.0/24': city('DE', 'BY'),
      '198.51.100.128/25': city('DE', 'BE'),
      '198.51.100.129/32': city('AT', '9'),
      '2001:db8:1::/48': city('US', 'CA'),
      '2001:db8:2::1/128': city('FR', '75C'),
      '203.0.113.0/24': city('FR'),
      '192.0.2.0/28': { registered_country: { iso_code: 'US' } },
      '192.0.2.16/28': { country: { iso_code: 'de' } },
      '192.0.2.32/28': { country: { iso_code: 'DEU' } },
      '192.0.2.48/28': { country: { iso_code: 7 } },
      '192.0.2.64/28': { country: { names: { en: 'Germany' } } },
      '192.0.2.80/28': { country: { iso_code: 'DE' }, subdivisions: [] },
      '192.0.2.96/28': { country: { iso_code: 'DE' }, subdivisions: [{ iso_code: 'LONG' }] },
      '192.0.2.112/28': { country: { iso_code: 'DE' }, subdivisions: [{ iso_code: 'b-' }] },
      '192.0.2.128/28': { country: { iso_code: 'DE' }, subdivisions: { iso_code: 'BY' } },
      '192.0.2.144/28': { subdivisions: [{ iso_code: 'BY' }] },
      '192.0.2.160/28': { country_code: 'IT' },
      '192.0.2.176/28': 'DE',
      '192.0.2.192/28': {},
      ...Object.fromEntries(nobodys.map((network) => [network, city('AU')])),
      ...Object.fromEntries(beside.map((address) => [address, city('NZ')])),
    },
    { type: 'Test-City' },
  ),
  'country_code.mmdb': writeDatabase({ '198.51.100.0/24': { country_code: 'DE' }, '2001:db8::/32': { country_code: 'JP' } }, { type: 'Test-Flat' }),
  'country.mmdb': writeDatabase({ '198.51.100.0/24': { continent: 'EU', country: 'DE', country_name: 'Germany' } }, { type: 'Test-Flat', version: 4 }),
  'network.mmdb': writeDatabase({ '198.51.100.0/24': { autonomous_system_number: 64496 } }, { type: 'Test-ASN' }),
};

export const folder = path.join(repository, 'tests/data');

if (process.argv[1] === import.meta.filename || process.argv[1]?.endsWith('places.mjs'))
  for (const [name, bytes] of Object.entries(databases)) writeFileSync(path.join(folder, name), bytes);
