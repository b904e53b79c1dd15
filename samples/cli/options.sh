# What every run.sh here begins with: its options, the tools on the path, and the clean-up at the end.
# Before it is read, run.sh sets the defaults of MODEL and DATA. It sets
#
#   MODEL      --model   a name of the catalog, a Hub id, a folder, or a registered model
#   DATA       --data    a folder of photos
#   OUTPUT     --output  where the picture goes, and what leads to it; by default sample-output/<sample>
#   LABELS     --labels  zero-shot: the labels to choose from, separated by commas
#   SETTINGS   --set     key=value, changes the sample's job document; repeatable
#   AS_IS      --as-is   evaluation: the model knows the labels already
#
# and goes to the sample's folder. The workspace is yours: TINTYPE_HOME, or ~/.tintype.

SAMPLE=$(basename "$(cd "$(dirname "$0")" && pwd)")
OUTPUT=sample-output/$SAMPLE
LABELS=${LABELS:-}
SETTINGS=("experiment_name=$SAMPLE")
AS_IS=
while [ $# -gt 0 ]; do
    case $1 in
        --model) MODEL=${2:?--model needs a name} ;;
        --data) DATA=${2:?--data needs a folder} ;;
        --output) OUTPUT=${2:?--output needs a folder} ;;
        --labels) LABELS=${2:?--labels needs labels, separated by commas} ;;
        --set) SETTINGS+=("${2:?--set needs key=value}") ;;
        --as-is) AS_IS=yes && shift && continue ;;
        *)
            echo "$SAMPLE: unknown option $1; there are --model, --data, --output, --labels, --set and --as-is" >&2
            exit 2
            ;;
    esac
    shift 2
done

[ -d "$DATA" ] || { echo "$SAMPLE: --data $DATA: no such folder" >&2; exit 2; }
DATA=$(cd "$DATA" && pwd)
# Relative paths count from where you are, and the script goes elsewhere.
[ ! -d "$MODEL" ] || MODEL=$(cd "$MODEL" && pwd)
mkdir -p "$OUTPUT"
OUTPUT=$(cd "$OUTPUT" && pwd)
cd "$(dirname "$0")"

# The environment that ./run makes, where there is one.
venv=$(cd ../../.. && pwd)/.venv/bin
[ ! -x "$venv/tintype" ] || PATH=$venv:$PATH
command -v tintype > /dev/null || { echo "$SAMPLE: tintype is not on the path; ./run sets it up" >&2; exit 2; }

# An endpoint of this run alone, which is deleted however the script ends.
ENDPOINT=sample-$(date +%s)-$RANDOM
delete_endpoint_at_exit() {
    # The daemon that serves endpoints ends too, unless it ran before.
    if tintype status > /dev/null 2>&1; then
        trap 'tintype online-endpoint delete --name "$ENDPOINT" --yes' EXIT
    else
        trap 'tintype online-endpoint delete --name "$ENDPOINT" --yes; tintype down' EXIT
    fi
}
