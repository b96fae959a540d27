import type { Fault, SeenRequest } from '../support/servers/fault-proxy.ts';
import { CATALOGUE_PREFIX, STORE_PREFIX } from './s3-buckets.ts';

/** Of the object that names the store. */
export const isOfId = ({ path }: SeenRequest) => path.includes(STORE_PREFIX);
/** Of an object of the catalogue; deletes don't say of what they are. */
export const isOfCatalogue = ({ path }: SeenRequest) => decodeURIComponent(path).includes(CATALOGUE_PREFIX);
const isOfBlob = (request: SeenRequest) => !isOfId(request) && !isOfCatalogue(request);
/** Of a blob. */
export const isPut = (request: SeenRequest) => request.method === 'PUT' && isOfBlob(request);
export const isDelete = ({ method }: SeenRequest) => method === 'POST';
export const isListing = ({ method, path }: SeenRequest) => method === 'GET' && path.includes('list-type=2');
/** Of a blob. */
export const isGet = (request: SeenRequest) => request.method === 'GET' && !isListing(request) && isOfBlob(request);

export const busy: Fault = { kind: 'status', status: 503, code: 'SlowDown' };
export const broken: Fault = { kind: 'status', status: 500, code: 'InternalError' };
export const noKey: Fault = { kind: 'status', status: 404, code: 'NoSuchKey' };

/**
 * For `FaultProxy.decide`: of the requests that `matches` accepts, each goes wrong when it is sent
 * first, and passes when it is sent again.
 */
export function eachAtFirst(
  matches: (request: SeenRequest) => boolean,
  fault: Fault,
): (request: SeenRequest) => Fault | undefined {
  const failed = new Set<string>();
  return (request) => {
    const name = `${request.method} ${request.path}`;
    if (!matches(request)) return undefined;
    if (!failed.has(name)) {
      failed.add(name);
      return fault;
    }
    // All deletes have the same path: every other one goes wrong.
    if (isDelete(request)) failed.delete(name);
    return undefined;
  };
}
