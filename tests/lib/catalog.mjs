// Slots, campaigns and creatives as a campaign manager's redis-cli writes them.

// Writes the fields of one entry and puts its id into its set:
//   await setSlot(redis, 'header', { sizes: '970x250' })
export const setSlot = (redis, id, fields) => setEntry(redis, 'slot', id, fields);
export const setCampaign = (redis, id, fields) => setEntry(redis, 'campaign', id, fields);
export const setCreative = (redis, id, fields) => setEntry(redis, 'creative', id, fields);

// Lists become comma separated texts; every other value is written as it prints.
export async function setHash(redis, key, fields) {
  const flat = Object.entries(fields).flatMap(([name, value]) => [name, [value].flat().join(',')]);
  if (flat.length) await redis.client.command('HSET', key, ...flat);
}

async function setEntry(redis, kind, id, fields, prefix = 'ad:') {
  await setHash(redis, `${prefix}${kind}:${id}`, fields);
  await redis.client.command('SADD', `${prefix}${kind}s`, id);
}

// The JSON form of `adctl import` (creatives stand in their campaign), written straight into Redis.
export async function importCatalog(redis, { slots = [], campaigns = [] }, { prefix = 'ad:' } = {}) {
  for (const { id, ...fields } of slots) await setEntry(redis, 'slot', id, fields, prefix);
  for (const { id, creatives = [], ...fields } of campaigns) {
    await setEntry(redis, 'campaign', id, fields, prefix);
    for (const { id: creative, ...rest } of creatives)
      await setEntry(redis, 'creative', creative, { campaign: id, ...rest }, prefix);
  }
}

// A page with two slots and a campaign for each, in the smallest form that serves.
export const smallCatalog = {
  slots: [
    { id: 'header', name: 'Header', sizes: ['970x250', '728x90'] },
    { id: 'post-top', name: 'Above the article', sizes: '728x90' },
  ],
  campaigns: [
    {
      id: 'spring',
      name: 'Spring',
      slots: 'header',
      creatives: [
        {
          id: 'spring-970',
          type: 'image',
          size: '970x250',
          image: 'https://pictures.example/spring-970.png',
          alt: 'Spring',
          landing: 'https://shop.example/spring?from=header',
        },
      ],
    },
    {
      id: 'books',
      name: 'Books',
      slots: 'post-top',
      creatives: [
        {
          id: 'books-728',
          type: 'image',
          size: '728x90',
          image: 'https://pictures.example/books-728.png',
          alt: 'Books',
          landing: 'https://shop.example/books',
        },
      ],
    },
  ],
};
