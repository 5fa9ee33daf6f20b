// What system and browser tests start and ask; one place to import from.
//
//   test('…', async (t) => {
//     const redis = await startRedis({ t });
//     await importCatalog(redis, smallCatalog);
//     const server = await startServer({ t, redis, options: { 'server.workers': 2 } });
//     const [ad] = await server.ads({ slot: 'header' });
//   });
//
// Everything is real and the test's own: ports, folders, processes. What is started with `t` stops
// when the test ends, last started first, and stopping a server is itself a test: it must exit with 0
// and neither a sanitizer nor the log may have spoken of an error.
export { importCatalog, setCampaign, setCreative, setHash, setSlot, smallCatalog } from './catalog.mjs';
export { connect, parseResponses, raw, request } from './http.mjs';
export {
  Child,
  delay,
  freePort,
  removeDir,
  repository,
  run,
  tempDir,
  until,
  whenDone,
} from './processes.mjs';
export { startRedis } from './redis.mjs';
export { RedisClient, RedisError } from './resp.mjs';
export { adctl, binaries, startServer } from './server.mjs';
export { sharedTestData } from './shared.mjs';
